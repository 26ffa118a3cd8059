import { nearestWord } from '../vocabulary/nearest-word.ts'

/** What other trainers call our options. */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  '--lr': ['--learning-rate', '--base-lr', '--initial-lr'],
  '--batch': ['--batch-size', '--bs', '--train-batch-size', '-b'],
  '--network': ['--model', '--arch', '--architecture', '--net', '--backbone', '-a'],
  '--epochs': ['--epoch', '--num-epochs', '--max-epochs'],
  '--steps': ['--max-steps', '--num-steps', '--iterations', '--iters'],
  '--weight-decay': ['--wd', '--l2'],
  '--schedule': ['--scheduler', '--lr-schedule', '--lr-scheduler', '--sched'],
  '--devices': ['--device', '--gpu', '--gpus', '--gpu-ids', '--cuda'],
  '--decode-workers': ['--workers', '--num-workers', '--data-workers', '-j'],
  '--precision': ['--amp', '--dtype', '--bf16', '--fp16', '--mixed-precision'],
  '--data': ['--data-dir', '--data-path', '--data-root', '--dataset-path', '--root'],
  '--out': ['--output', '--output-dir', '--out-dir', '--save-dir', '--logdir', '--log-dir', '-o'],
  '--init': ['--weights', '--pretrained', '--init-weights', '--load', '--initial-checkpoint'],
  '--augment': ['--augmentation', '--aug', '--transform'],
  '--image-size': ['--img-size', '--input-size', '--resolution', '--crop-size'],
  '--colour-jitter': ['--color-jitter', '--jitter'],
  '--random-erasing': ['--reprob', '--erasing', '--cutout'],
  '--log-every': ['--log-interval', '--log-freq', '--print-freq', '--logging-steps', '--log-steps'],
  '--evaluate-every': ['--eval-every', '--eval-interval', '--eval-freq', '--validate-every'],
  '--branches': ['--num-branches', '--heads'],
  '--temperature': ['--temp', '--kd-temperature', '-T'],
  '--teacher': ['--teacher-path', '--teacher-checkpoint', '--teacher-model'],
  '--seed': ['--random-seed', '--manual-seed'],
  '--hosts': ['--nodes', '--nnodes', '--num-nodes', '--world-size'],
  '--host-rank': ['--rank', '--node-rank'],
  '--coordinator': ['--master', '--master-addr', '--rdzv-endpoint', '--dist-url'],
  '--checkpoint': ['--ckpt', '--checkpoint-path', '--step'],
  '--validation': ['--val', '--val-split', '--validation-split', '--test-split'],
  '--processes': ['--workers', '--num-workers', '-j'],
}

/** The option of a command that someone most likely means by another word; null where none is near. */
export function meantOption(word: string, known: readonly string[]): string | null {
  const alias = known.find((option) => ALIASES[option]?.includes(word))
  return alias ?? nearestWord(word, known)
}
