#include "kernels/classifier/losses.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "kernels/classifier/divergence_gradient.hpp"
#include "kernels/classifier/rows.hpp"

namespace one {
namespace {

float mean(Row x, int count) { return std::accumulate(x, x + count, 0.0f) / static_cast<float>(count); }

class Softmax : public Instruction {
 public:
  Softmax(WordReader& words, PlanBuilder& builder) : x_(builder.tensor(words)), y_(builder.tensor(words)) {}
  void run(Worker& worker, const RunArguments&) override {
    const int count = x_.channels;
    for (int row = 0; row < worker.samples; row++) {
      Row x = worker.at<float>(x_) + row * count;
      float* y = worker.at<float>(y_) + row * count;
      const float shift = logSumExp(x, count, 1.0f);
      for (int c = 0; c < count; c++) y[c] = std::exp(x[c] - shift);
    }
  }

 private:
  const Activation x_;
  const Activation y_;
};

// dx = y (dy - sum_j dy_j y_j).
class SoftmaxGrad : public Instruction {
 public:
  SoftmaxGrad(WordReader& words, PlanBuilder& builder)
      : dy_(builder.tensor(words)), y_(builder.tensor(words)), dx_(builder.tensor(words)) {}
  void run(Worker& worker, const RunArguments&) override {
    const int count = y_.channels;
    for (int row = 0; row < worker.samples; row++) {
      Row dy = worker.at<float>(dy_) + row * count;
      Row y = worker.at<float>(y_) + row * count;
      float* dx = worker.at<float>(dx_) + row * count;
      float sum = 0;
      for (int c = 0; c < count; c++) sum += dy[c] * y[c];
      for (int c = 0; c < count; c++) dx[c] = y[c] * (dy[c] - sum);
    }
  }

 private:
  const Activation dy_;
  const Activation y_;
  const Activation dx_;
};

// teacher = sum_i gate_i z_i (ONE, equation 5).
class GatedSum : public Instruction {
 public:
  GatedSum(WordReader& words, PlanBuilder& builder)
      : gate_(builder.tensor(words)), logits_(readList(words, builder, gate_.channels)), y_(builder.tensor(words)) {}
  void run(Worker& worker, const RunArguments&) override {
    const int classes = y_.channels;
    for (int row = 0; row < worker.samples; row++) {
      Row gate = worker.at<float>(gate_) + row * gate_.channels;
      float* y = worker.at<float>(y_) + row * classes;
      std::fill(y, y + classes, 0.0f);
      for (int branch = 0; branch < gate_.channels; branch++) {
        Row z = worker.at<float>(logits_[static_cast<std::size_t>(branch)]) + row * classes;
        for (int c = 0; c < classes; c++) y[c] += gate[branch] * z[c];
      }
    }
  }

 private:
  const Activation gate_;
  const std::vector<Activation> logits_;
  const Activation y_;
};

// dgate_i = dteacher . z_i, dz_i = gate_i dteacher.
class GatedSumGrad : public Instruction {
 public:
  GatedSumGrad(WordReader& words, PlanBuilder& builder)
      : dy_(builder.tensor(words)),
        gate_(builder.tensor(words)),
        logits_(readList(words, builder, gate_.channels)),
        dgate_(builder.tensor(words)),
        dlogits_(readList(words, builder, gate_.channels)) {}
  void run(Worker& worker, const RunArguments&) override {
    const int classes = dy_.channels;
    for (int row = 0; row < worker.samples; row++) {
      Row dy = worker.at<float>(dy_) + row * classes;
      for (int branch = 0; branch < gate_.channels; branch++) {
        const auto place = static_cast<std::size_t>(branch);
        const float gate = worker.at<float>(gate_)[row * gate_.channels + branch];
        Row z = worker.at<float>(logits_[place]) + row * classes;
        float* dz = worker.at<float>(dlogits_[place]) + row * classes;
        float sum = 0;
        for (int c = 0; c < classes; c++) sum += dy[c] * z[c];
        for (int c = 0; c < classes; c++) dz[c] = gate * dy[c];
        worker.at<float>(dgate_)[row * gate_.channels + branch] = sum;
      }
    }
  }

 private:
  const Activation dy_;
  const Activation gate_;
  const std::vector<Activation> logits_;
  const Activation dgate_;
  const std::vector<Activation> dlogits_;
};

// factor sum_rows (log sum_j exp z_j - sum_j t_j z_j); rows of label -1 add nothing. The target t is one at the label;
// smoothed by e it is (1 - e) there and e / K more in each of the K classes (Szegedy et al., arXiv:1512.00567, section 7).
template <bool Smoothed>
class CrossEntropy : public Instruction {
 public:
  CrossEntropy(WordReader& words, PlanBuilder& builder)
      : logits_(builder.tensor(words)),
        result_(words.size()),
        factor_(words.number()),
        firstLabel_(words.size()),
        smoothing_(Smoothed ? words.number() : 0.0f) {}
  void run(Worker& worker, const RunArguments& arguments) override {
    const int classes = logits_.channels;
    const std::int32_t* const labels = arguments.labels + firstLabel_ + worker.firstSample;
    double sum = 0;
    for (int row = 0; row < worker.samples; row++) {
      const std::int32_t label = labels[row];
      if (label < 0) continue;
      Row z = worker.at<float>(logits_) + row * classes;
      float target = z[label];
      if constexpr (Smoothed) target += smoothing_ * (mean(z, classes) - target);
      sum += static_cast<double>(logSumExp(z, classes, 1.0f) - target);
    }
    worker.scalars[result_] = static_cast<float>(sum) * factor_;
  }

 private:
  const Activation logits_;
  const std::size_t result_;
  const float factor_;
  const std::size_t firstLabel_;
  const float smoothing_;
};

// dz = dloss factor (softmax(z) - t), t as above.
template <bool Smoothed>
class CrossEntropyGrad : public Instruction {
 public:
  CrossEntropyGrad(WordReader& words, PlanBuilder& builder)
      : dloss_(words.size()),
        logits_(builder.tensor(words)),
        dlogits_(builder.tensor(words)),
        factor_(words.number()),
        firstLabel_(words.size()),
        smoothing_(Smoothed ? words.number() : 0.0f) {}
  void run(Worker& worker, const RunArguments& arguments) override {
    const int classes = logits_.channels;
    const float factor = worker.scalars[dloss_] * factor_;
    const float everywhere = smoothing_ / static_cast<float>(classes);
    const std::int32_t* const labels = arguments.labels + firstLabel_ + worker.firstSample;
    for (int row = 0; row < worker.samples; row++) {
      const std::int32_t label = labels[row];
      Row z = worker.at<float>(logits_) + row * classes;
      float* dz = worker.at<float>(dlogits_) + row * classes;
      if (label < 0) {
        std::fill(dz, dz + classes, 0.0f);
        continue;
      }
      const float shift = logSumExp(z, classes, 1.0f);
      for (int c = 0; c < classes; c++) {
        const float probability = std::exp(z[c] - shift);
        dz[c] = factor * (Smoothed ? probability - everywhere : probability);
      }
      dz[label] -= Smoothed ? factor * (1.0f - smoothing_) : factor;
    }
  }

 private:
  const std::size_t dloss_;
  const Activation logits_;
  const Activation dlogits_;
  const float factor_;
  const std::size_t firstLabel_;
  const float smoothing_;
};

// factor sum_rows sum_j p_j (log p_j - log q_j), p and q the softened teacher and student.
class KullbackLeibler : public Instruction {
 public:
  KullbackLeibler(WordReader& words, PlanBuilder& builder)
      : teacher_(builder.tensor(words)),
        student_(builder.tensor(words)),
        result_(words.size()),
        temperature_(words.number()),
        factor_(words.number()) {}
  void run(Worker& worker, const RunArguments&) override {
    const int classes = teacher_.channels;
    double sum = 0;
    for (int row = 0; row < worker.samples; row++) {
      Row t = worker.at<float>(teacher_) + row * classes;
      Row s = worker.at<float>(student_) + row * classes;
      const float teacherShift = logSumExp(t, classes, temperature_);
      const float studentShift = logSumExp(s, classes, temperature_);
      float divergence = 0;
      for (int c = 0; c < classes; c++) {
        const float logP = t[c] / temperature_ - teacherShift;
        divergence += std::exp(logP) * (logP - (s[c] / temperature_ - studentShift));
      }
      sum += static_cast<double>(divergence);
    }
    worker.scalars[result_] = static_cast<float>(sum) * factor_;
  }

 private:
  const Activation teacher_;
  const Activation student_;
  const std::size_t result_;
  const float temperature_;
  const float factor_;
};

// dstudent = dloss factor / T (q - p).
struct StudentRule {
  static void write(const SoftenedRows& rows, float factor, float* ds) {
    const auto& [t, s, classes, temperature, teacherShift, studentShift] = rows;
    for (int c = 0; c < classes; c++) {
      ds[c] = factor * (std::exp(s[c] / temperature - studentShift) - std::exp(t[c] / temperature - teacherShift));
    }
  }
};

// Rows whose label is among the k largest; of equal logits the lower class comes first.
class TopKCorrect : public Instruction {
 public:
  TopKCorrect(WordReader& words, PlanBuilder& builder)
      : logits_(builder.tensor(words)), result_(words.size()), k_(words.integer()) {}
  void run(Worker& worker, const RunArguments& arguments) override {
    const int classes = logits_.channels;
    int correct = 0;
    for (int row = 0; row < worker.samples; row++) {
      const std::int32_t label = arguments.labels[worker.firstSample + row];
      if (label < 0) continue;
      Row z = worker.at<float>(logits_) + row * classes;
      int ahead = 0;
      for (int c = 0; c < classes; c++) ahead += z[c] > z[label] || (z[c] == z[label] && c < label) ? 1 : 0;
      // A label whose own logit is NaN has nothing ahead of it and is no hit.
      correct += ahead < k_ && z[label] == z[label] ? 1 : 0;
    }
    worker.scalars[result_] = static_cast<float>(correct);
  }

 private:
  const Activation logits_;
  const std::size_t result_;
  const int k_;
};

class ScalarConstant : public Instruction {
 public:
  ScalarConstant(WordReader& words, PlanBuilder&) : result_(words.size()), value_(words.number()) {}
  void run(Worker& worker, const RunArguments&) override { worker.scalars[result_] = value_; }

 private:
  const std::size_t result_;
  const float value_;
};

template <class Operation>
class ScalarPair : public Instruction {
 public:
  ScalarPair(WordReader& words, PlanBuilder&) : a_(words.size()), b_(words.size()), result_(words.size()) {}
  void run(Worker& worker, const RunArguments&) override {
    worker.scalars[result_] = Operation()(worker.scalars[a_], worker.scalars[b_]);
  }

 private:
  const std::size_t a_;
  const std::size_t b_;
  const std::size_t result_;
};

class ScalarScale : public Instruction {
 public:
  ScalarScale(WordReader& words, PlanBuilder&) : a_(words.size()), factor_(words.number()), result_(words.size()) {}
  void run(Worker& worker, const RunArguments&) override { worker.scalars[result_] = worker.scalars[a_] * factor_; }

 private:
  const std::size_t a_;
  const float factor_;
  const std::size_t result_;
};

}  // namespace

InstructionTable lossInstructions() {
  return {
      {"softmax", make<Softmax>},
      {"softmaxGrad", make<SoftmaxGrad>},
      {"gatedSum", make<GatedSum>},
      {"gatedSumGrad", make<GatedSumGrad>},
      {"crossEntropy", make<CrossEntropy<false>>},
      {"crossEntropyGrad", make<CrossEntropyGrad<false>>},
      {"smoothedCrossEntropy", make<CrossEntropy<true>>},
      {"smoothedCrossEntropyGrad", make<CrossEntropyGrad<true>>},
      {"kullbackLeibler", make<KullbackLeibler>},
      {"kullbackLeiblerGrad", make<DivergenceGradient<StudentRule>>},
      {"topKCorrect", make<TopKCorrect>},
      {"scalarConstant", make<ScalarConstant>},
      {"scalarAdd", make<ScalarPair<std::plus<float>>>},
      {"scalarMultiply", make<ScalarPair<std::multiplies<float>>>},
      {"scalarScale", make<ScalarScale>},
  };
}

}  // namespace one
