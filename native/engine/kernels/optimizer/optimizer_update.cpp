#include "kernels/optimizer/optimizer_update.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

namespace one {
namespace {

constexpr std::size_t kLine = 16;
// Elements computed at a time: some thirty values of a block fit the first-level cache.
constexpr std::size_t kBlock = 128;
// Elements whose squares one thread sums up.
constexpr std::size_t kChunk = 4096;

template <class Operation>
void forEach(std::size_t count, float* __restrict result, Operation operation) {
  for (std::size_t at = 0; at < count; at++) result[at] = operation(at);
}

}  // namespace

// The values of an update for one block of elements; a scalar is the same in all of them.
class OptimizerUpdate::Values {
 public:
  explicit Values(std::size_t values) : floats_(values * kBlock) {}

  // Elements of the block that tensors have.
  std::size_t count = kBlock;
  float* at(std::size_t value) { return floats_.data() + value * kBlock; }
  void fill(std::size_t value, float with) { std::fill_n(at(value), kBlock, with); }

  void compute(const Step& step, std::size_t value) {
    const std::size_t elements = step.scalar ? kBlock : count;
    float* result = at(value);
    const float* a = at(step.of[0]);
    const float* b = at(step.of[1]);
    const float* c = at(step.of[2]);
    switch (step.op) {
      case Op::constant: return fill(value, step.value);
      case Op::add: return forEach(elements, result, [=](std::size_t i) { return a[i] + b[i]; });
      case Op::subtract: return forEach(elements, result, [=](std::size_t i) { return a[i] - b[i]; });
      case Op::multiply: return forEach(elements, result, [=](std::size_t i) { return a[i] * b[i]; });
      case Op::divide: return forEach(elements, result, [=](std::size_t i) { return a[i] / b[i]; });
      case Op::squareRoot: return forEach(elements, result, [=](std::size_t i) { return std::sqrt(a[i]); });
      case Op::whenPositive: return forEach(elements, result, [=](std::size_t i) { return a[i] > 0 ? b[i] : c[i]; });
      case Op::norm: return;  // Filled in with the sums of all chunks.
    }
  }

 private:
  std::vector<float> floats_;
};

const NamedTable<OptimizerUpdate::Op>& OptimizerUpdate::opNames() {
  static const NamedTable<Op> names{{"constant", Op::constant}, {"add", Op::add},
                                    {"subtract", Op::subtract}, {"multiply", Op::multiply},
                                    {"divide", Op::divide},     {"squareRoot", Op::squareRoot},
                                    {"norm", Op::norm},         {"whenPositive", Op::whenPositive}};
  return names;
}

void OptimizerUpdate::read(WordReader& words) {
  for (std::size_t left = words.size(); left > 0; left--) readKernel(words);
  for (std::size_t left = words.size(); left > 0; left--) readRange(words);
  std::size_t sums = 0;
  for (Chunk& chunk : chunks_) {
    chunk.firstSum = sums;
    sums += kernels_[ranges_[chunk.range].kernel].norms.size();
  }
  sums_.resize(sums);
}

void OptimizerUpdate::readKernel(WordReader& words) {
  Kernel kernel;
  kernel.tensors = words.size();
  kernel.scalars = words.size();
  kernel.steps.resize(words.size());
  const auto isScalar = [&](std::size_t value) {
    return value > kernel.tensors && (value < kernel.operands() || kernel.steps[value - kernel.operands()].scalar);
  };
  const auto isAfterNorm = [&](std::size_t value) {
    return value >= kernel.operands() && kernel.steps[value - kernel.operands()].afterNorm;
  };
  for (std::size_t place = 0; place < kernel.steps.size(); place++) {
    Step& step = kernel.steps[place];
    step.op = readNamed(words, opNames());
    if (step.op == Op::constant) {
      step.value = words.number();
      words.integer();
      words.integer();
      step.scalar = true;
      continue;
    }
    const std::size_t operands = step.op == Op::whenPositive                        ? 3
                                 : step.op == Op::squareRoot || step.op == Op::norm ? 1
                                                                                    : 2;
    step.scalar = true;
    for (std::size_t operand = 0; operand < 3; operand++) {
      const std::size_t value = words.size();
      if (operand >= operands) continue;
      if (value >= kernel.operands() + place)
        throw std::runtime_error("Expected a value made before it is read in the plan");
      step.of[operand] = value;
      step.scalar = step.scalar && isScalar(value);
      step.afterNorm = step.afterNorm || isAfterNorm(value);
    }
    if (step.op != Op::norm) continue;
    if (step.scalar || step.afterNorm) throw std::runtime_error("Expected norms of tensors without norms in the plan");
    step.scalar = step.afterNorm = true;
    kernel.norms.push_back(place);
  }
  kernel.results.resize(kernel.tensors);
  for (std::size_t& result : kernel.results) {
    result = words.size();
    if (result >= kernel.values()) throw std::runtime_error("Expected a result that is made in the plan");
  }
  kernels_.push_back(std::move(kernel));
}

void OptimizerUpdate::readRange(WordReader& words) {
  Range range;
  range.kernel = words.size();
  if (range.kernel >= kernels_.size()) throw std::runtime_error("Expected a known update in the plan");
  const Kernel& kernel = kernels_[range.kernel];
  range.elements = words.size();
  range.gradient = words.size();
  range.tensors.resize(kernel.tensors);
  for (std::size_t& tensor : range.tensors) tensor = words.size();
  range.scalars.resize(kernel.scalars);
  for (std::size_t& scalar : range.scalars) scalar = words.size();
  range.firstChunk = chunks_.size();
  if (!kernel.norms.empty()) {
    for (std::size_t begin = 0; begin < range.elements; begin += kChunk) {
      chunks_.push_back({ranges_.size(), begin, std::min(begin + kChunk, range.elements), 0});
    }
  }
  ranges_.push_back(std::move(range));
}

void OptimizerUpdate::takeNorms(const Exchange& exchange, float share, int thread, int threads, const float* scalars,
                                const float* state) {
  Values values(mostValues());
  const std::size_t begin = chunks_.size() * static_cast<std::size_t>(thread) / static_cast<std::size_t>(threads);
  const std::size_t end = chunks_.size() * (static_cast<std::size_t>(thread) + 1) / static_cast<std::size_t>(threads);
  std::vector<std::array<float, kLine>> lanes;
  for (std::size_t place = begin; place < end; place++) {
    const Chunk& chunk = chunks_[place];
    const Range& range = ranges_[chunk.range];
    const Kernel& kernel = kernels_[range.kernel];
    if (place == begin || chunk.range != chunks_[place - 1].range) loadScalars(range, scalars, false, values);
    lanes.assign(kernel.norms.size(), {});
    for (std::size_t at = chunk.begin; at < chunk.end; at += kBlock) {
      values.count = std::min(kBlock, chunk.end - at);
      loadTensors(range, exchange, share, state, at, values);
      for (std::size_t step = 0; step < kernel.norms.back(); step++) {
        const Step& next = kernel.steps[step];
        if (!next.scalar && !next.afterNorm) values.compute(next, kernel.operands() + step);
      }
      for (std::size_t norm = 0; norm < lanes.size(); norm++) {
        const float* x = values.at(kernel.steps[kernel.norms[norm]].of[0]);
        for (std::size_t i = 0; i < values.count; i++) lanes[norm][i % kLine] += x[i] * x[i];
      }
    }
    for (std::size_t norm = 0; norm < lanes.size(); norm++) {
      double sum = 0;
      for (const float lane : lanes[norm]) sum += static_cast<double>(lane);
      sums_[chunk.firstSum + norm] = sum;
    }
  }
}

void OptimizerUpdate::run(const Exchange& exchange, float share, int member, const float* scalars, float* state) const {
  if (ranges_.empty()) return;
  Values values(mostValues());
  const auto members = static_cast<std::size_t>(exchange.members());
  for (const Range& range : ranges_) {
    const std::size_t lines = (range.elements + kLine - 1) / kLine;
    const std::size_t begin = lines * static_cast<std::size_t>(member) / members * kLine;
    const std::size_t end = std::min(range.elements, lines * (static_cast<std::size_t>(member) + 1) / members * kLine);
    if (begin >= end) continue;
    const Kernel& kernel = kernels_[range.kernel];
    loadScalars(range, scalars, true, values);
    for (std::size_t at = begin; at < end; at += kBlock) {
      values.count = std::min(kBlock, end - at);
      loadTensors(range, exchange, share, state, at, values);
      for (std::size_t step = 0; step < kernel.steps.size(); step++) {
        if (!kernel.steps[step].scalar) values.compute(kernel.steps[step], kernel.operands() + step);
      }
      for (std::size_t tensor = 0; tensor < kernel.tensors; tensor++) {
        std::copy_n(values.at(kernel.results[tensor]), values.count, state + range.tensors[tensor] + at);
      }
    }
  }
}

// Scalars of the step, and what follows from them; with `norms` also from those.
void OptimizerUpdate::loadScalars(const Range& range, const float* scalars, bool norms, Values& values) const {
  const Kernel& kernel = kernels_[range.kernel];
  for (std::size_t scalar = 0; scalar < kernel.scalars; scalar++) {
    values.fill(kernel.tensors + 1 + scalar, scalars[range.scalars[scalar]]);
  }
  std::size_t norm = 0;
  for (std::size_t step = 0; step < kernel.steps.size(); step++) {
    const Step& next = kernel.steps[step];
    if (!next.scalar || (next.afterNorm && !norms)) continue;
    if (next.op == Op::norm) {
      values.fill(kernel.operands() + step, normOf(range, norm++));
    } else {
      values.compute(next, kernel.operands() + step);
    }
  }
}

void OptimizerUpdate::loadTensors(const Range& range, const Exchange& exchange, float share, const float* state,
                                  std::size_t at, Values& values) const {
  const Kernel& kernel = kernels_[range.kernel];
  for (std::size_t tensor = 0; tensor < kernel.tensors; tensor++) {
    std::copy_n(state + range.tensors[tensor] + at, values.count, values.at(tensor));
  }
  float* __restrict gradient = values.at(kernel.tensors);
  std::copy_n(exchange.gradientSource(0) + range.gradient + at, values.count, gradient);
  for (int source = 1; source < exchange.sources(); source++) {
    const float* other = exchange.gradientSource(source) + range.gradient + at;
    for (std::size_t i = 0; i < values.count; i++) gradient[i] += other[i];
  }
  for (std::size_t i = 0; i < values.count; i++) gradient[i] *= share;
}

// The sums of a range's chunks in their order.
float OptimizerUpdate::normOf(const Range& range, std::size_t norm) const {
  double sum = 0;
  const std::size_t chunks = (range.elements + kChunk - 1) / kChunk;
  for (std::size_t chunk = 0; chunk < chunks; chunk++) {
    sum += sums_[chunks_[range.firstChunk + chunk].firstSum + norm];
  }
  return static_cast<float>(std::sqrt(sum));
}

std::size_t OptimizerUpdate::mostValues() const {
  std::size_t most = 0;
  for (const Kernel& kernel : kernels_) most = std::max(most, kernel.values());
  return most;
}

}  // namespace one
