// Owned memory on page borders, zeroed; large buffers ask for huge pages.
#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <utility>

namespace one {

class AlignedBuffer {
 public:
  AlignedBuffer() = default;

  explicit AlignedBuffer(std::size_t bytes) : bytes_(bytes) {
    if (bytes_ == 0) return;
    void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    data_ = static_cast<char*>(memory);
    // Advice only: a kernel without huge pages serves small ones.
    if (bytes_ >= kHugePage) madvise(data_, bytes_, MADV_HUGEPAGE);
  }

  AlignedBuffer(AlignedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;
  ~AlignedBuffer() {
    if (data_ != nullptr) munmap(data_, bytes_);
  }

  // Makes the pages there before they are used; only advice, as kernels before Linux 5.14 do not know it.
  void populate() const {
#ifdef MADV_POPULATE_WRITE
    if (bytes_ > 0) madvise(data_, bytes_, MADV_POPULATE_WRITE);
#endif
  }

  char* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;
  char* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace one
