// What the gradients of KL(p || q) for its teacher p and for its student q share: operands, and the walk over the softened rows.
#pragma once
#include "kernels/classifier/rows.hpp"

namespace one {

// One row of both: z / T - log sum exp(z / T) is the logarithm of a probability.
struct SoftenedRows {
  Row teacher;
  Row student;
  int classes;
  float temperature;
  float teacherShift;
  float studentShift;
};

// `Rule::write(rows, factor, gradient)` writes the gradient of one row, factor = dloss factor / T.
template <class Rule>
class DivergenceGradient : public Instruction {
 public:
  DivergenceGradient(WordReader& words, PlanBuilder& builder)
      : dloss_(words.size()),
        teacher_(builder.tensor(words)),
        student_(builder.tensor(words)),
        gradient_(builder.tensor(words)),
        temperature_(words.number()),
        factor_(words.number()) {}
  void run(Worker& worker, const RunArguments&) override {
    const int classes = teacher_.channels;
    const float factor = worker.scalars[dloss_] * factor_ / temperature_;
    for (int row = 0; row < worker.samples; row++) {
      Row t = worker.at<float>(teacher_) + row * classes;
      Row s = worker.at<float>(student_) + row * classes;
      const SoftenedRows rows{
          t, s, classes, temperature_, logSumExp(t, classes, temperature_), logSumExp(s, classes, temperature_)};
      Rule::write(rows, factor, worker.at<float>(gradient_) + row * classes);
    }
  }

 private:
  const std::size_t dloss_;
  const Activation teacher_;
  const Activation student_;
  const Activation gradient_;
  const float temperature_;
  const float factor_;
};

}  // namespace one
