#include "kernels/optimizer/gradient_clip.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace one {
namespace {

constexpr std::size_t kLanes = 16;
// Elements whose squares one thread sums up.
constexpr std::size_t kChunk = 4096;
// PyTorch's, so that a norm of zero divides.
constexpr double kEpsilon = 1e-6;

}  // namespace

void GradientClip::read(WordReader& words) {
  largestNorm_ = words.number();
  for (std::size_t left = words.size(); left > 0; left--) {
    const std::size_t begin = words.size();
    const std::size_t end = begin + words.size();
    for (std::size_t at = begin; at < end; at += kChunk) chunks_.push_back({at, std::min(at + kChunk, end)});
  }
  sums_.resize(chunks_.size());
}

void GradientClip::takeSums(const Exchange& exchange, int thread, int threads) {
  const auto [place, count] = std::array{static_cast<std::size_t>(thread), static_cast<std::size_t>(threads)};
  const std::size_t last = chunks_.size() * (place + 1) / count;
  const float share = exchange.replicaShare();
  for (std::size_t chunk = chunks_.size() * place / count; chunk < last; chunk++) {
    std::array<float, kLanes> lanes{};
    const std::size_t begin = chunks_[chunk].begin;
    for (std::size_t at = begin; at < chunks_[chunk].end; at++) {
      float gradient = exchange.gradientSource(0)[at];
      for (int source = 1; source < exchange.sources(); source++) gradient += exchange.gradientSource(source)[at];
      gradient *= share;
      lanes[(at - begin) % kLanes] += gradient * gradient;
    }
    sums_[chunk] = std::accumulate(lanes.begin(), lanes.end(), 0.0);
  }
}

float GradientClip::factor() const {
  const double norm = std::sqrt(std::accumulate(sums_.begin(), sums_.end(), 0.0));
  return static_cast<float>(std::min(1.0, static_cast<double>(largestNorm_) / (norm + kEpsilon)));
}

}  // namespace one
