#include "kernels/classifier/distillation.hpp"

#include "kernels/classifier/divergence_gradient.hpp"
#include "kernels/classifier/rows.hpp"

namespace one {
namespace {

// y_i = query . key_i of each row.
class RowDots : public Instruction {
 public:
  RowDots(WordReader& words, PlanBuilder& builder)
      : operands_(readList(words, builder, words.integer())), y_(builder.tensor(words)) {}
  void run(Worker& worker, const RunArguments&) override {
    const int width = operands_.front().channels;
    for (int row = 0; row < worker.samples; row++) {
      Row query = worker.at<float>(operands_.front()) + row * width;
      float* y = worker.at<float>(y_) + row * y_.channels;
      for (int key = 0; key < y_.channels; key++) {
        Row other = worker.at<float>(operands_[static_cast<std::size_t>(key) + 1]) + row * width;
        float sum = 0;
        for (int c = 0; c < width; c++) sum += query[c] * other[c];
        y[key] = sum;
      }
    }
  }

 private:
  const std::vector<Activation> operands_;
  const Activation y_;
};

// dteacher_j = dloss factor / T p_j (log p_j - log q_j - sum_k p_k (log p_k - log q_k)).
struct TeacherRule {
  static void write(const SoftenedRows& rows, float factor, float* dt) {
    const auto logP = [&](int c) { return rows.teacher[c] / rows.temperature - rows.teacherShift; };
    const auto ratio = [&](int c) { return logP(c) - (rows.student[c] / rows.temperature - rows.studentShift); };
    float divergence = 0;
    for (int c = 0; c < rows.classes; c++) divergence += std::exp(logP(c)) * ratio(c);
    for (int c = 0; c < rows.classes; c++) dt[c] = factor * std::exp(logP(c)) * (ratio(c) - divergence);
  }
};

// Logarithms of what a row's softened softmax says of its label and of all other classes together, and log sum exp of those.
struct Decoupled {
  float label;
  float rest;
  float others;

  Decoupled(Row z, int classes, int target, float temperature) {
    float top = target == 0 ? z[1] : z[0];
    for (int c = 0; c < classes; c++) top = c == target ? top : std::max(top, z[c]);
    float sum = 0;
    for (int c = 0; c < classes; c++) sum += c == target ? 0.0f : std::exp((z[c] - top) / temperature);
    others = top / temperature + std::log(sum);
    const float all = logSumExp(z, classes, temperature);
    label = z[target] / temperature - all;
    rest = others - all;
  }
};

// What both decoupled instructions read.
struct DecoupledWords {
  const Activation teacher;
  const Activation student;

  DecoupledWords(WordReader& words, const PlanBuilder& builder)
      : teacher(builder.tensor(words)), student(builder.tensor(words)) {}

  // Calls `body(row, teacher, student, label, p, q)` for each row that has a label, `unlabelled(row)` for the others.
  template <class Body, class Unlabelled>
  void forRows(const Worker& worker, const RunArguments& arguments, float temperature, const Body& body,
               const Unlabelled& unlabelled) const {
    const int classes = teacher.channels;
    for (int row = 0; row < worker.samples; row++) {
      const std::int32_t label = arguments.labels[worker.firstSample + row];
      if (label < 0) {
        unlabelled(row);
        continue;
      }
      Row t = worker.at<float>(teacher) + row * classes;
      Row s = worker.at<float>(student) + row * classes;
      body(row, t, s, label, Decoupled(t, classes, label, temperature), Decoupled(s, classes, label, temperature));
    }
  }
};

// factor sum_rows (target KL of label against rest + others KL among the other classes).
class DecoupledKullbackLeibler : public Instruction {
 public:
  DecoupledKullbackLeibler(WordReader& words, PlanBuilder& builder)
      : logits_(words, builder),
        result_(words.size()),
        temperature_(words.number()),
        factor_(words.number()),
        target_(words.number()),
        others_(words.number()) {}
  void run(Worker& worker, const RunArguments& arguments) override {
    double sum = 0;
    const int classes = logits_.teacher.channels;
    const auto add = [&](int, Row t, Row s, int label, const Decoupled& p, const Decoupled& q) {
      float among = 0;
      for (int c = 0; c < classes; c++) {
        if (c == label) continue;
        const float logP = t[c] / temperature_ - p.others;
        among += std::exp(logP) * (logP - (s[c] / temperature_ - q.others));
      }
      const float apart = std::exp(p.label) * (p.label - q.label) + std::exp(p.rest) * (p.rest - q.rest);
      sum += static_cast<double>(target_ * apart + others_ * among);
    };
    logits_.forRows(worker, arguments, temperature_, add, [](int) {});
    worker.scalars[result_] = static_cast<float>(sum) * factor_;
  }

 private:
  const DecoupledWords logits_;
  const std::size_t result_;
  const float temperature_;
  const float factor_;
  const float target_;
  const float others_;
};

// dstudent = dloss factor / T times target (q_y - p_y) for the label,
// target q^_j (p_y - q_y) + others (q^_j - p^_j) for another class.
class DecoupledKullbackLeiblerGrad : public Instruction {
 public:
  DecoupledKullbackLeiblerGrad(WordReader& words, PlanBuilder& builder)
      : dloss_(words.size()),
        logits_(words, builder),
        dstudent_(builder.tensor(words)),
        temperature_(words.number()),
        factor_(words.number()),
        target_(words.number()),
        others_(words.number()) {}
  void run(Worker& worker, const RunArguments& arguments) override {
    const int classes = dstudent_.channels;
    const float factor = worker.scalars[dloss_] * factor_ / temperature_;
    const auto rowOf = [&](int row) { return worker.at<float>(dstudent_) + row * classes; };
    const auto write = [&](int row, Row t, Row s, int label, const Decoupled& p, const Decoupled& q) {
      float* ds = rowOf(row);
      const float difference = target_ * (std::exp(q.label) - std::exp(p.label));
      for (int c = 0; c < classes; c++) {
        const float soft = std::exp(s[c] / temperature_ - q.others);
        const float hard = std::exp(t[c] / temperature_ - p.others);
        ds[c] = factor * (c == label ? difference : others_ * (soft - hard) - soft * difference);
      }
    };
    const auto clear = [&](int row) { std::fill(rowOf(row), rowOf(row) + classes, 0.0f); };
    logits_.forRows(worker, arguments, temperature_, write, clear);
  }

 private:
  const std::size_t dloss_;
  const DecoupledWords logits_;
  const Activation dstudent_;
  const float temperature_;
  const float factor_;
  const float target_;
  const float others_;
};

// KDCL's target: the logits of the classifier with the least cross entropy, or the least logits, each less that of the label.
class CollaborativeTarget : public Instruction {
 public:
  CollaborativeTarget(WordReader& words, PlanBuilder& builder)
      : minLogit_(words.integer() != 0),
        members_(readList(words, builder, words.integer())),
        y_(builder.tensor(words)) {}
  void run(Worker& worker, const RunArguments& arguments) override {
    for (int row = 0; row < worker.samples; row++) {
      const int label = static_cast<int>(arguments.labels[worker.firstSample + row]);
      minLogit_ ? writeLeast(worker, row, label) : writeSurest(worker, row, label);
    }
  }

 private:
  Row rowOf(const Worker& worker, std::size_t member, int row) const {
    return worker.at<float>(members_[member]) + row * y_.channels;
  }
  void writeLeast(const Worker& worker, int row, int label) const {
    float* y = worker.at<float>(y_) + row * y_.channels;
    for (std::size_t member = 0; member < members_.size(); member++) {
      Row z = rowOf(worker, member, row);
      const float own = label < 0 ? 0.0f : z[label];
      for (int c = 0; c < y_.channels; c++) y[c] = member == 0 ? z[c] - own : std::min(y[c], z[c] - own);
    }
  }
  void writeSurest(const Worker& worker, int row, int label) const {
    Row best = rowOf(worker, 0, row);
    float least = label < 0 ? 0.0f : logSumExp(best, y_.channels, 1.0f) - best[label];
    for (std::size_t member = 1; label >= 0 && member < members_.size(); member++) {
      Row z = rowOf(worker, member, row);
      const float loss = logSumExp(z, y_.channels, 1.0f) - z[label];
      if (loss >= least) continue;
      best = z;
      least = loss;
    }
    std::copy(best, best + y_.channels, worker.at<float>(y_) + row * y_.channels);
  }

  const bool minLogit_;
  const std::vector<Activation> members_;
  const Activation y_;
};

}  // namespace

InstructionTable distillationInstructions() {
  return {
      {"rowDots", make<RowDots>},
      {"kullbackLeiblerTeacherGrad", make<DivergenceGradient<TeacherRule>>},
      {"decoupledKullbackLeibler", make<DecoupledKullbackLeibler>},
      {"decoupledKullbackLeiblerGrad", make<DecoupledKullbackLeiblerGrad>},
      {"collaborativeTarget", make<CollaborativeTarget>},
  };
}

}  // namespace one
