#include <cstring>

#include "kernels/classifier/linear.hpp"
#include "kernels/classifier/rows.hpp"
#include "kernels/convolution/shared_gradient.hpp"
#include "kernels/onednn/onednn_matrix_product.hpp"
#include "kernels/vector/matrix_products.hpp"

namespace one {
namespace {

// C = A B, or C += A B, with row-major C (matrix_products.hpp).
void multiply(const Worker& worker, int rows, int columns, int depth, const MatrixView& a, const MatrixView& b,
              bool add, float* c) {
  if (onednn::multiplyMatrices(rows, columns, depth, a, b, add, c, columns)) return;
  multiplyMatrices(rows, columns, depth, a, b, add, c, columns, worker.scratchFloats());
}

// x [B, in], w [out, in], bias [out] -> y = x w^T + bias.
class Forward : public Instruction {
 public:
  Forward(WordReader& words, PlanBuilder& builder)
      : x_(builder.tensor(words)),
        w_(builder.state(words.size())),
        bias_(builder.state(words.size())),
        y_(builder.tensor(words)) {
    builder.reserveScratchFloats(productScratch(builder.workers().front().samples, y_.channels, x_.channels));
  }

  void run(Worker& worker, const RunArguments&) override {
    if (worker.samples == 0) return;
    float* y = worker.at<float>(y_);
    for (int row = 0; row < worker.samples; row++) {
      std::memcpy(y + row * y_.channels, bias_, sizeof(float) * static_cast<std::size_t>(y_.channels));
    }
    multiply(worker, worker.samples, y_.channels, x_.channels, {worker.at<float>(x_), x_.channels, 1},
             {w_, 1, x_.channels}, true, y);
  }

 private:
  const Activation x_;
  const float* w_;
  const float* bias_;
  const Activation y_;
};

// dx = dy w.
class BackwardInput : public Instruction {
 public:
  BackwardInput(WordReader& words, PlanBuilder& builder)
      : dy_(builder.tensor(words)), w_(builder.state(words.size())), dx_(builder.tensor(words)) {
    builder.reserveScratchFloats(productScratch(builder.workers().front().samples, dx_.channels, dy_.channels));
  }

  void run(Worker& worker, const RunArguments&) override {
    if (worker.samples == 0) return;
    multiply(worker, worker.samples, dx_.channels, dy_.channels, {worker.at<float>(dy_), dy_.channels, 1},
             {w_, dx_.channels, 1}, false, worker.at<float>(dx_));
  }

 private:
  const Activation dy_;
  const float* w_;
  const Activation dx_;
};

// dw = dy^T x and dbias = sum over the batch of dy.
class BackwardWeights : public Instruction {
 public:
  BackwardWeights(WordReader& words, PlanBuilder& builder)
      : x_(builder.tensor(words)),
        dy_(builder.tensor(words)),
        dw_(words.size(), dy_.channels, static_cast<std::size_t>(x_.channels), 1, builder),
        dbias_(words.size(), dy_.channels, 1, kLine, builder) {
    builder.reserveScratchFloats(productScratch(dy_.channels, x_.channels, builder.workers().front().samples));
  }

  void run(Worker& worker, const RunArguments&) override {
    const float* dy = worker.at<float>(dy_);
    dw_.write(worker, false, [&](int first, int end, bool add) {
      multiply(worker, end - first, x_.channels, worker.samples, {dy + first, 1, dy_.channels},
               {worker.at<float>(x_), x_.channels, 1}, add, dw_.row(worker, first));
    });
    dbias_.write(worker, false, [&](int first, int end, bool add) {
      float* dbias = dbias_.of(worker);
      if (!add) std::fill(dbias + first, dbias + end, 0.0f);
      for (int row = 0; row < worker.samples; row++) {
        for (int c = first; c < end; c++) dbias[c] += dy[row * dy_.channels + c];
      }
    });
  }

 private:
  const Activation x_;
  const Activation dy_;
  // Threads write their shares of the bias at the same time: each on lines of its own.
  static constexpr int kLine = 16;
  const SharedGradient dw_;
  const SharedGradient dbias_;
};

// y_i = x_i w^T.
class Shared : public Instruction {
 public:
  Shared(WordReader& words, PlanBuilder& builder) : w_(builder.state(words.size())) {
    const int count = words.integer();
    x_ = readList(words, builder, count);
    y_ = readList(words, builder, count);
    const int samples = builder.workers().front().samples;
    for (std::size_t place = 0; place < x_.size(); place++) {
      builder.reserveScratchFloats(productScratch(samples, y_[place].channels, x_[place].channels));
    }
  }

  void run(Worker& worker, const RunArguments&) override {
    if (worker.samples == 0) return;
    for (std::size_t place = 0; place < x_.size(); place++) {
      const int fanIn = x_[place].channels;
      const int fanOut = y_[place].channels;
      multiply(worker, worker.samples, fanOut, fanIn, {worker.at<float>(x_[place]), fanIn, 1}, {w_, 1, fanIn}, false,
               worker.at<float>(y_[place]));
    }
  }

 private:
  const float* w_;
  std::vector<Activation> x_;
  std::vector<Activation> y_;
};

// dw = sum_i dy_i^T x_i.
class SharedBackwardWeights : public Instruction {
 public:
  SharedBackwardWeights(WordReader& words, PlanBuilder& builder)
      : count_(words.integer()),
        x_(readList(words, builder, count_)),
        dy_(readList(words, builder, count_)),
        dw_(words.size(), dy_.front().channels, static_cast<std::size_t>(x_.front().channels), 1, builder) {
    const int samples = builder.workers().front().samples;
    builder.reserveScratchFloats(productScratch(dy_.front().channels, x_.front().channels, samples));
  }

  void run(Worker& worker, const RunArguments&) override {
    for (std::size_t place = 0; place < x_.size(); place++) {
      const int fanIn = x_[place].channels;
      const int fanOut = dy_[place].channels;
      dw_.write(worker, place > 0, [&](int first, int end, bool add) {
        multiply(worker, end - first, fanIn, worker.samples, {worker.at<float>(dy_[place]) + first, 1, fanOut},
                 {worker.at<float>(x_[place]), fanIn, 1}, add, dw_.row(worker, first));
      });
    }
  }

 private:
  const int count_;
  const std::vector<Activation> x_;
  const std::vector<Activation> dy_;
  const SharedGradient dw_;
};

}  // namespace

InstructionTable linearInstructions() {
  return {
      {"linearForward", make<Forward>},
      {"linearBackwardInput", make<BackwardInput>},
      {"linearBackwardWeights", make<BackwardWeights>},
      {"sharedLinear", make<Shared>},
      {"sharedLinearBackwardWeights", make<SharedBackwardWeights>},
  };
}

}  // namespace one
