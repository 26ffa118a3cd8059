#include "kernels/optimizer/update.hpp"

#include <algorithm>

#include "kernels/vector/lanes.hpp"

namespace one {
namespace {

constexpr std::size_t kLanes = 16;
using Vector = Lanes<static_cast<int>(kLanes)>;

}  // namespace

void Update::read(WordReader& words) {
  clip_.read(words);
  sgd_.resize(words.size());
  for (SgdRange& range : sgd_) {
    range.weight = words.size();
    range.momentum = words.size();
    range.gradient = words.size();
    range.elements = words.size();
    range.rate = words.size();
    range.decay = words.number();
    range.weightDecay = words.number();
  }
  optimizer_.read(words);
  running_.resize(words.size());
  for (RunningAverageRange& range : running_) {
    range.state = words.size();
    range.statistic = words.size();
    range.elements = words.size();
    range.weight = words.number();
    range.correction = words.number();
  }
}

void Update::run(const Exchange& exchange, float share, int member, const float* scalars, float* state) const {
  for (const SgdRange& range : sgd_) runSgd(range, exchange, share, member, scalars, state);
  optimizer_.run(exchange, share, member, scalars, state);
  const auto members = static_cast<std::size_t>(exchange.members());
  for (std::size_t place = static_cast<std::size_t>(member); place < running_.size(); place += members) {
    const RunningAverageRange& range = running_[place];
    const float mean = exchange.replicaShare();
    for (std::size_t at = 0; at < range.elements; at++) {
      float sum = 0;
      for (int source = 0; source < exchange.sources(); source++) {
        sum += exchange.statisticSource(source)[range.statistic + at];
      }
      float& running = state[range.state + at];
      running = (1.0f - range.weight) * running + range.weight * range.correction * (sum * mean);
    }
  }
}

// g = mean gradient + weightDecay w; m = decay m + g; w = w - rate (g + decay m).
void Update::runSgd(const SgdRange& range, const Exchange& exchange, float replicaShare, int member,
                    const float* scalars, float* state) const {
  const auto members = static_cast<std::size_t>(exchange.members());
  const std::size_t lines = (range.elements + kLanes - 1) / kLanes;
  const std::size_t begin = lines * static_cast<std::size_t>(member) / members * kLanes;
  const std::size_t end = std::min(range.elements, lines * (static_cast<std::size_t>(member) + 1) / members * kLanes);
  const auto share = Vector::fill(replicaShare);
  const auto decay = Vector::fill(range.decay);
  const auto weightDecay = Vector::fill(range.weightDecay);
  const auto rate = Vector::fill(scalars[range.rate]);
  // Ranges begin on lines of 16 and their last line is padded, so whole vectors stay inside.
  for (std::size_t at = begin; at < end; at += kLanes) {
    auto gradient = Vector::fill(0);
    for (int source = 0; source < exchange.sources(); source++) {
      gradient += Vector::load(exchange.gradientSource(source) + range.gradient + at);
    }
    const auto weight = Vector::load(state + range.weight + at);
    const auto g = gradient * share + weightDecay * weight;
    const auto momentum = decay * Vector::load(state + range.momentum + at) + g;
    momentum.store(state + range.momentum + at);
    (weight - rate * (g + decay * momentum)).store(state + range.weight + at);
  }
}

void sumOverReplicas(const Exchange& exchange, int member) {
  const auto members = static_cast<std::size_t>(exchange.members());
  const std::size_t lines = exchange.gradientElements() / kLanes;
  const std::size_t begin = lines * static_cast<std::size_t>(member) / members * kLanes;
  const std::size_t end = lines * (static_cast<std::size_t>(member) + 1) / members * kLanes;
  for (std::size_t at = begin; at < end; at += kLanes) {
    auto sum = Vector::fill(0);
    for (int replica = 0; replica < exchange.replicas(); replica++) {
      sum += Vector::load(exchange.gradients(replica) + at);
    }
    sum.store(exchange.sums() + at);
  }
  if (member != 0) return;
  const std::size_t gradients = exchange.gradientElements();
  for (std::size_t at = 0; at < exchange.sumElements() - gradients; at++) {
    float sum = 0;
    for (int replica = 0; replica < exchange.replicas(); replica++) sum += exchange.statistics(replica)[at];
    exchange.sums()[gradients + at] = sum;
  }
}

void meanGradients(const Exchange& exchange, std::size_t offset, std::size_t count, float* target) {
  for (std::size_t at = 0; at < count; at++) {
    float sum = 0;
    for (int source = 0; source < exchange.sources(); source++) {
      sum += exchange.gradientSource(source)[offset + at];
    }
    target[at] = sum * exchange.replicaShare();
  }
}

void averageStatistics(const Exchange& exchange, std::size_t offset, std::size_t count, float* target) {
  for (std::size_t at = 0; at < count; at++) {
    float sum = 0;
    for (int source = 0; source < exchange.sources(); source++) {
      sum += exchange.statisticSource(source)[offset + at];
    }
    target[at] = sum * exchange.replicaShare();
  }
}

}  // namespace one
