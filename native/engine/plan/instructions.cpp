#include "plan/instructions.hpp"

#include "kernels/activation/activations.hpp"
#include "kernels/batch_norm/batch_norm.hpp"
#include "kernels/channels/concat.hpp"
#include "kernels/classifier/averages.hpp"
#include "kernels/classifier/distillation.hpp"
#include "kernels/classifier/linear.hpp"
#include "kernels/classifier/losses.hpp"
#include "kernels/convolution/convolution.hpp"
#include "kernels/elementwise/elementwise.hpp"
#include "kernels/pooling/global_average_pool.hpp"
#include "kernels/pooling/pooling.hpp"

namespace one {

const InstructionTable& instructions() {
  static const InstructionTable all = [] {
    InstructionTable table;
    for (const InstructionTable& family :
         {convolutionInstructions(), batchNormInstructions(), activationInstructions(), elementwiseInstructions(),
          poolingInstructions(), globalAveragePoolInstructions(), channelInstructions(), linearInstructions(),
          averageInstructions(), lossInstructions(), distillationInstructions()}) {
      table.insert(table.end(), family.begin(), family.end());
    }
    return table;
  }();
  return all;
}

}  // namespace one
