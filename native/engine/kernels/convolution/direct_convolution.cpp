#include <cstring>

#include "kernels/convolution/convolution_results.hpp"
#include "kernels/convolution/direct.hpp"
#include "kernels/convolution/packed_filters.hpp"
#include "kernels/convolution/pixel_rows.hpp"
#include "kernels/vector/planes.hpp"
#include "kernels/vector/row_kernels.hpp"

namespace one {
namespace {

constexpr int kBlock = PixelRows::kBlock;
constexpr int kColumns = kColumnsAtOnce;  // channel blocks of results in registers
using Vector = PixelRows::Vector;
using BlockedRows = RowLayout<kBlock, kBlock>;

// Results of a chunk: their rows stay in the first-level cache with small filters, in the second-level cache while large ones
// pass by. Of a sample's `pixels`, or about as many samples.
int chunkPixels(int depth, int results, int pixels) {
  constexpr int kFewestBytes = 16 * 1024;
  constexpr int kMostBytes = 768 * 1024;
  constexpr int kFewest = 4 * kMostRows;
  const int pixelBytes = depth * static_cast<int>(sizeof(float));
  const int bytes = std::min(kMostBytes, std::max(kFewestBytes, 4 * results * pixelBytes));
  const int wanted = std::max(kFewest, bytes / pixelBytes);
  return wanted < pixels ? wanted / kMostRows * kMostRows : (wanted + pixels / 2) / pixels * pixels;
}

// One window of the convolution with the rows that it reads.
struct Pass {
  Window window;
  int chunk;
  PixelRows rows;
  // Of the filters of each channel block and tap.
  std::vector<std::ptrdiff_t> offsets;
  // Of the rows of each.
  std::vector<std::ptrdiff_t> rowOffsets;

  Pass(const Activation& x, int inBlocks, int outBlocks, const Window& own, int allTaps, const NormedInput* norm)
      : window(own),
        chunk(chunkPixels(inBlocks * kBlock * static_cast<int>(own.taps.size()), outBlocks * kBlock, own.pixels())),
        rows(x, inBlocks, outBlocks * kBlock, own, chunk, norm) {
    constexpr std::ptrdiff_t kSquare = kBlock * kBlock;
    for (int block = 0; block < inBlocks; block++) {
      for (const Tap& tap : own.taps) {
        rowOffsets.push_back(static_cast<std::ptrdiff_t>(offsets.size()) * rows.blockStride());
        offsets.push_back((static_cast<std::ptrdiff_t>(block) * allTaps + tap.filter) * kSquare);
      }
    }
  }

  int steps() const { return static_cast<int>(offsets.size()); }
};

class DirectConvolution : public Instruction {
 public:
  DirectConvolution(const Activation& x, const Activation& y, const WeightShape& weights, const Kernel& kernel,
                    bool transposed, Prologue prologue, Epilogue epilogue, PlanBuilder& builder)
      : y_(y),
        groups_(weights.groups / weights.merge),
        inBlocks_(x.blocks / groups_),
        outBlocks_(y.blocks / groups_),
        filterStride_(static_cast<std::ptrdiff_t>(inBlocks_) * kernel.taps() * kBlock * kBlock),
        filters_(weights, transposed, builder),
        prologue_(std::move(prologue)) {
    const bool accumulates = epilogue.accumulate;
    const std::vector<Window> windows = transposed ? transposedWindows(y.height, y.width, kernel)
                                                   : std::vector<Window>{forwardWindow(y.height, y.width, kernel)};
    for (const Window& window : windows) {
      if (window.taps.empty())
        clears_ = !accumulates;
      else
        passes_.emplace_back(x, inBlocks_, outBlocks_, window, kernel.taps(), pointerTo(prologue_));
    }
    for (const Pass& pass : passes_) copyElements_ = std::max(copyElements_, pass.rows.copyElements());
    results_ = std::make_unique<ConvolutionResults>(y, std::move(epilogue), builder.threads());
    builder.reserveScratchFloats(filters_.elements() + std::max(filters_.scratchElements(), copyElements_));
  }

  void run(Worker& worker, const RunArguments&) override {
    if (worker.samples == 0) return;
    // Filters, then copied rows.
    float* filters = worker.scratchFloats();
    filters_.pack(filters);
    if (prologue_) prologue_->norm.fold(worker);
    results_->begin(worker);
    withElement(y_.type, [&](auto element) {
      using T = decltype(element);
      if (clears_) std::memset(worker.at<T>(y_), 0, y_.bytes(worker.samples));
      for (const Pass& pass : passes_) runPass<T>(worker, pass, filters);
    });
    results_->end(worker);
  }

 private:
  template <class T>
  void runPass(const Worker& worker, const Pass& pass, float* filters) const {
    float* copy = filters + filters_.elements();
    forEachChunk(worker.samples, pass.window.pixels(), pass.chunk, [&](const PixelChunk& chunk) {
      results_->write<T>(worker, [&](const auto& open) {
        for (int group = 0; group < groups_; group++) {
          const RowView rows = pass.rows.view(worker, chunk, group * inBlocks_, copy);
          const int end = (group + 1) * outBlocks_;
          int block = group * outBlocks_;
          for (; block + kColumns <= end; block += kColumns)
            multiplyChunk<kColumns>(pass, chunk, rows, block, filters, open);
          if (block < end) multiplyChunk<1>(pass, chunk, rows, block, filters, open);
        }
      });
    });
  }

  template <int kWide, class Open>
  void multiplyChunk(const Pass& pass, const PixelChunk& chunk, const RowView& rows, int block, const float* filters,
                     const Open& open) const {
    RowProducts work{pass.steps(),        rows.data,    pass.rowOffsets.data(), filters + block * filterStride_,
                     pass.offsets.data(), filterStride_};
    // Rows of the chunk that follow each other without a gap are taken together, whatever samples they belong to.
    const bool gapless = chunk.samples == 1 || rows.sampleStride == static_cast<std::ptrdiff_t>(chunk.pixels) * kBlock;
    const int samples = gapless ? chunk.samples : 1;
    for (int sample = 0; sample < chunk.samples; sample += samples) {
      work.rows = rows.data + sample * rows.sampleStride;
      const PixelChunk run{chunk.sample + sample, samples, chunk.pixel, chunk.pixels};
      multiplyRun<kWide>(pass.window, run, work, block, open);
    }
  }

  template <int kWide, class Open>
  void multiplyRun(const Window& window, const PixelChunk& run, RowProducts work, int block, const Open& open) const {
    alignas(64) float sums[kMostRows * kWide * kBlock];
    const int all = run.samples * run.pixels;
    const float* rows = work.rows;
    ResultPlace at(window, run, y_.width);
    const auto opened = [&](int column) {
      return open(at.sample, block + column, [&] {
        kRowKernels<kWide, BlockedRows>[0](work, kBlock, sums);
        return Vector::load(sums + column * kBlock);
      });
    };
    auto place = opened(0);
    auto second = opened(kWide - 1);
    for (int row = 0; row < all;) {
      const int count = rowsOfBlock(all - row);
      work.rows = rows + row * kBlock;
      kRowKernels<kWide, BlockedRows>[static_cast<std::size_t>(count - 1)](work, kBlock, sums);
      for (int own = 0; own < count; own++) {
        if (at.beyond()) {
          close<kWide>(place, second);
          at.nextSample();
          place = opened(0);
          if constexpr (kWide == 2) second = opened(1);
        }
        place(Vector::load(sums + own * kWide * kBlock), at.element());
        if constexpr (kWide == 2) second(Vector::load(sums + (own * kWide + 1) * kBlock), at.element());
        at.next();
      }
      row += count;
    }
    close<kWide>(place, second);
  }

  template <int kWide, class Place>
  static void close(const Place& place, const Place& second) {
    place.close();
    if constexpr (kWide == 2) second.close();
  }

  // Walks over the results of a run.
  struct ResultPlace {
    const Window& window;
    const PixelChunk& run;
    const std::ptrdiff_t width;
    int sample;
    int left;
    int y;
    int x;
    ResultPlace(const Window& ownWindow, const PixelChunk& ownRun, int imageWidth)
        : window(ownWindow), run(ownRun), width(imageWidth), sample(ownRun.sample) {
      restart();
    }
    void restart() {
      left = run.pixels;
      y = run.pixel / window.width;
      x = run.pixel % window.width;
    }
    bool beyond() const { return left == 0; }
    void nextSample() {
      sample++;
      restart();
    }
    void next() {
      left--;
      if (++x < window.width) return;
      x = 0;
      y++;
    }
    // Elements from the plane's begin.
    std::ptrdiff_t element() const {
      const std::ptrdiff_t row = window.top + y * window.resultStride;
      return (row * width + window.left + x * window.resultStride) * kBlock;
    }
  };

  const Activation y_;
  const int groups_;
  const int inBlocks_;  // of a group
  const int outBlocks_;
  // Elements of the filters of a block of results.
  const std::ptrdiff_t filterStride_;
  const PackedFilters filters_;
  Prologue prologue_;
  std::vector<Pass> passes_;
  // Whether some results have no taps: they are 0.
  bool clears_ = false;
  std::ptrdiff_t copyElements_ = 0;
  std::unique_ptr<ConvolutionResults> results_;
};

}  // namespace

bool directFits(const Activation& x, const Activation& y) {
  const auto blocked = [](const Activation& tensor) { return tensor.lanes == kBlock && tensor.pixelStride == kBlock; };
  return blocked(x) && blocked(y);
}

InstructionPtr directConvolution(const Activation& x, const Activation& y, const WeightShape& weights,
                                 const Kernel& kernel, bool transposed, Prologue prologue, Epilogue epilogue,
                                 PlanBuilder& builder) {
  return std::make_unique<DirectConvolution>(x, y, weights, kernel, transposed, std::move(prologue),
                                             std::move(epilogue), builder);
}

}  // namespace one
