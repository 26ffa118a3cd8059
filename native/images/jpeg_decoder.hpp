// From the bytes of a JPEG file to a resized crop, over libjpeg-turbo. One object a thread: it keeps its buffers.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "crop_plan.hpp"
#include "resize_rows.hpp"

namespace images {

// The bytes are not a JPEG file, or one that cannot be decoded.
class DecodeError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct JpegHeader {
  int width, height;
  // 1 grey, 3 colours, 4 CMYK.
  int components;
  bool progressive;
};

class JpegDecoder {
 public:
  // `vectors`: of the resize, among those that are here.
  explicit JpegDecoder(Vectors vectors);
  ~JpegDecoder();
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  // Throws DecodeError.
  JpegHeader readHeader(const std::uint8_t* bytes, std::size_t length);

  // Writes windowBytes(plan) bytes, [windowHeight, windowWidth, 3], rows below the box are not decoded. Returns how many
  // faults of the data libjpeg bridged. Throws DecodeError.
  long decode(const std::uint8_t* bytes, std::size_t length, const CropPlan& plan, std::uint8_t* target);

  // Whether the last file that was decoded is one of four inks.
  bool sawInks() const { return inks_; }

 private:
  struct Library;
  struct Region;

  bool begin(const std::uint8_t* bytes, std::size_t length);
  bool readPixels(const CropPlan& plan, std::uint8_t* target);
  void planRegion(const CropPlan& plan, Region& region);
  void takeRow(Region& region, int row, std::uint8_t* target);
  [[noreturn]] void fail();

  std::unique_ptr<Library> library_;
  const Vectors vectors_;
  bool inks_ = false;
  RowResizer horizontal_;
  AxisWeights vertical_;
  // One decoded row, which begins at `decoded_`; rows that the next output needs, resized.
  std::vector<std::uint8_t> decodedBytes_, resized_;
  std::uint8_t* decoded_ = nullptr;
  std::vector<const std::uint8_t*> rows_;
};

}  // namespace images
