import * as tf from '@tensorflow/tfjs-core'

/** z - log sum exp z of each row, with the row's maximum taken out first. tf.logSoftmax has no kernel of its own. */
export function logSoftmax(logits: tf.Tensor): tf.Tensor {
  const shifted = tf.sub(logits, tf.max(logits, 1, true))
  return tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), 1, true)))
}
