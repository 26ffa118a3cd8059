#include "kernels/classifier/averages.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace one {
namespace {

// Operands of one shape behind their count.
std::vector<Activation> readMembers(WordReader& words, const PlanBuilder& builder) {
  std::vector<Activation> members;
  const int count = words.integer();
  for (int place = 0; place < count; place++) members.push_back(builder.tensor(words));
  return members;
}

// y = (x_1 + ... + x_n) / n, summed in their order.
class Average : public Instruction {
 public:
  Average(WordReader& words, PlanBuilder& builder) : members_(readMembers(words, builder)), y_(builder.tensor(words)) {}
  void run(Worker& worker, const RunArguments&) override {
    const int elements = worker.samples * y_.channels;
    const auto count = static_cast<float>(members_.size());
    float* y = worker.at<float>(y_);
    std::fill(y, y + elements, 0.0f);
    for (const Activation& member : members_) {
      const float* x = worker.at<float>(member);
      for (int place = 0; place < elements; place++) y[place] += x[place];
    }
    for (int place = 0; place < elements; place++) y[place] /= count;
  }

 private:
  const std::vector<Activation> members_;
  const Activation y_;
};

// dx = dy / n, the same for each of the n.
class AverageGrad : public Instruction {
 public:
  AverageGrad(WordReader& words, PlanBuilder& builder)
      : dy_(builder.tensor(words)), dx_(builder.tensor(words)), count_(words.number()) {}
  void run(Worker& worker, const RunArguments&) override {
    const int elements = worker.samples * dy_.channels;
    const float* dy = worker.at<float>(dy_);
    float* dx = worker.at<float>(dx_);
    for (int place = 0; place < elements; place++) dx[place] = dy[place] / count_;
  }

 private:
  const Activation dy_;
  const Activation dx_;
  const float count_;
};

float logSumExp(const float* x, int count) {
  const float top = *std::max_element(x, x + count);
  float sum = 0;
  for (int c = 0; c < count; c++) sum += std::exp(x[c] - top);
  return top + std::log(sum);
}

// y_c = log(1/n sum_i softmax(x_i)_c); in logarithms throughout, so that no probability is rounded to 0.
class LogMeanProbability : public Instruction {
 public:
  LogMeanProbability(WordReader& words, PlanBuilder& builder)
      : members_(readMembers(words, builder)), y_(builder.tensor(words)) {}
  void run(Worker& worker, const RunArguments&) override {
    const int classes = y_.channels;
    const std::size_t count = members_.size();
    const float logCount = std::log(static_cast<float>(count));
    std::vector<const float*> rows(count);
    std::vector<float> shifts(count);
    for (int row = 0; row < worker.samples; row++) {
      for (std::size_t member = 0; member < count; member++) {
        rows[member] = worker.at<float>(members_[member]) + row * classes;
        shifts[member] = logSumExp(rows[member], classes);
      }
      float* y = worker.at<float>(y_) + row * classes;
      for (int c = 0; c < classes; c++) {
        float top = -std::numeric_limits<float>::infinity();
        for (std::size_t member = 0; member < count; member++) top = std::max(top, rows[member][c] - shifts[member]);
        float sum = 0;
        for (std::size_t member = 0; member < count; member++) sum += std::exp(rows[member][c] - shifts[member] - top);
        y[c] = top + std::log(sum) - logCount;
      }
    }
  }

 private:
  const std::vector<Activation> members_;
  const Activation y_;
};

}  // namespace

InstructionTable averageInstructions() {
  return {
      {"average", make<Average>},
      {"averageGrad", make<AverageGrad>},
      {"logMeanProbability", make<LogMeanProbability>},
  };
}

}  // namespace one
