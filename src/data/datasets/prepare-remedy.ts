/** What to do about images that are not packed yet. */
export const PREPARE_FIRST =
  'Pack the images first (native-ensemble prepare <folder of images or of the official archives> <shards>), ' +
  'then name the folder it made with --data <shards>.'
