#include "jpeg_decoder.hpp"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>

// jpeglib.h needs size_t and FILE from above.
#include <jpeglib.h>

namespace images {

namespace {

// As Pillow's limit of an image that is no bomb: beyond it a file of a few bytes could ask for gigabytes.
constexpr long long MOST_PIXELS = 178956970;

// A progressive file has about ten scans; each one that is claimed costs time in proportion to the whole image.
constexpr int MOST_SCANS = 100;

// Pixels beside the box that take part in the upsampling of colours at its edge.
constexpr int MARGIN = 2;

// A scaled decode is still this much larger than the result: at 1 the mean difference to a full decode is twice that at 1.25.
constexpr double SCALED_OVER_RESULT = 1.25;

// libjpeg-turbo's colour conversion writes past the caches to a row that lies at a multiple of 32 bytes (16 without AVX2), as
// if nobody would read it soon: with rows elsewhere the whole decode took 17 % less time at 500 x 375.
constexpr int ROW_ALIGNMENT = 32;
constexpr int ROW_OFFSET = 8;

// Ink values as Adobe stores them (255 = no ink) to red, green and blue as Pillow does: k - (255 - c) k / 255.
void inksToColours(std::uint8_t* row, int pixels) {
  for (int pixel = 0; pixel < pixels; pixel++, row += 4) {
    const int black = row[3];
    for (int channel = 0; channel < 3; channel++) {
      const int product = (255 - row[channel]) * black + 128;
      row[channel] = static_cast<std::uint8_t>(black - ((product + (product >> 8)) >> 8));
    }
  }
}

}  // namespace

struct JpegDecoder::Library {
  jpeg_decompress_struct info;
  jpeg_error_mgr errors;
  jpeg_progress_mgr progress;
  std::jmp_buf onError;
  char message[JMSG_LENGTH_MAX];
};

namespace {

// libjpeg's first member of its own structs, by which its callbacks find ours.
template <class Owner>
Owner& ownerOf(j_common_ptr info) {
  return *static_cast<Owner*>(info->client_data);
}

}  // namespace

JpegDecoder::JpegDecoder(Vectors vectors) : library_(std::make_unique<Library>()), vectors_(vectors) {
  Library& library = *library_;
  library.info.err = jpeg_std_error(&library.errors);
  library.errors.error_exit = [](j_common_ptr info) {
    Library& owner = ownerOf<Library>(info);
    info->err->format_message(info, owner.message);
    std::longjmp(owner.onError, 1);
  };
  library.errors.emit_message = [](j_common_ptr info, int level) {
    if (level < 0) info->err->num_warnings++;
  };
  library.errors.output_message = [](j_common_ptr) {};
  library.info.client_data = &library;
  library.message[0] = '\0';
  library.progress.progress_monitor = [](j_common_ptr info) {
    Library& owner = ownerOf<Library>(info);
    if (owner.info.input_scan_number <= MOST_SCANS) return;
    std::snprintf(owner.message, sizeof owner.message, "more than %d scans", MOST_SCANS);
    std::longjmp(owner.onError, 1);
  };
  if (setjmp(library.onError) != 0) fail();
  jpeg_create_decompress(&library.info);
}

JpegDecoder::~JpegDecoder() { jpeg_destroy_decompress(&library_->info); }

void JpegDecoder::fail() {
  jpeg_abort_decompress(&library_->info);
  throw DecodeError(library_->message);
}

// What follows up to readPixels runs between setjmp and longjmp: nothing there may own anything.

bool JpegDecoder::begin(const std::uint8_t* bytes, std::size_t length) {
  Library& library = *library_;
  if (setjmp(library.onError) != 0) return false;
  // libjpeg keeps the tables of an image for the next one, which a damaged file without its own would be decoded with.
  jpeg_destroy_decompress(&library.info);
  // Keeps err and client_data, and nothing else.
  jpeg_create_decompress(&library.info);
  library.info.progress = &library.progress;
  jpeg_mem_src(&library.info, bytes, static_cast<unsigned long>(length));
  jpeg_read_header(&library.info, TRUE);
  if (static_cast<long long>(library.info.image_width) * library.info.image_height > MOST_PIXELS) {
    std::snprintf(library.message, sizeof library.message, "%u x %u pixels, more than %lld", library.info.image_width,
                  library.info.image_height, MOST_PIXELS);
    return false;
  }
  return true;
}

JpegHeader JpegDecoder::readHeader(const std::uint8_t* bytes, std::size_t length) {
  if (!begin(bytes, length)) fail();
  jpeg_decompress_struct& info = library_->info;
  const JpegHeader header = {static_cast<int>(info.image_width), static_cast<int>(info.image_height),
                             info.num_components, info.progressive_mode != 0};
  jpeg_abort_decompress(&info);
  return header;
}

struct JpegDecoder::Region {
  // Rows first .. end - 1 of the decoded image are resized; column 0 of a decoded row is its column `origin`.
  int first = 0, end = 0, origin = 0;
  int columns = 0;
  int windowWidth = 0, windowHeight = 0;
  // Bytes of a resized row, and how many such rows are kept.
  int stride = 0, kept = 0;
  // The next output row.
  int output = 0;
};

long JpegDecoder::decode(const std::uint8_t* bytes, std::size_t length, const CropPlan& plan, std::uint8_t* target) {
  if (!begin(bytes, length)) fail();
  jpeg_decompress_struct& info = library_->info;
  if (const char* fault = faultOf(plan, static_cast<int>(info.image_width), static_cast<int>(info.image_height))) {
    std::snprintf(library_->message, sizeof library_->message, "%s of %u x %u pixels", fault, info.image_width,
                  info.image_height);
    fail();
  }
  inks_ = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
  info.out_color_space = inks_ ? JCS_CMYK : JCS_EXT_RGBX;
  info.scale_num = 1;
  info.scale_denom = 1;
  const auto allows = [&info](int box, int resized) {
    return SCALED_OVER_RESULT * resized * static_cast<double>(info.scale_denom) * 2.0 <= box;
  };
  while (plan.scaled && info.scale_denom < 8 && allows(plan.width, plan.resizedWidth) &&
         allows(plan.height, plan.resizedHeight)) {
    info.scale_denom *= 2;
  }
  const double part = 1.0 / info.scale_denom;
  const int divisor = static_cast<int>(info.scale_denom);
  const auto last = [divisor](int end) { return (end + divisor - 1) / divisor; };
  horizontal_.prepare({plan.left * part, (plan.left + plan.width) * part, plan.left / divisor,
                       last(plan.left + plan.width), plan.resizedWidth, plan.windowLeft, plan.windowWidth, plan.flip},
                      vectors_);
  vertical_.compute({plan.top * part, (plan.top + plan.height) * part, plan.top / divisor, last(plan.top + plan.height),
                     plan.resizedHeight, plan.windowTop, plan.windowHeight, false},
                    2);
  if (!readPixels(plan, target)) fail();
  const long warnings = info.err->num_warnings;
  jpeg_abort_decompress(&info);
  return warnings;
}

// May grow the buffers, which nothing between setjmp and longjmp owns.
void JpegDecoder::planRegion(const CropPlan& plan, Region& region) {
  region.columns = static_cast<int>(library_->info.output_width);
  region.windowWidth = plan.windowWidth;
  region.windowHeight = plan.windowHeight;
  region.first = vertical_.begin;
  region.end = vertical_.end;
  region.stride = resizedRowBytes(plan.windowWidth);
  region.kept = vertical_.taps + 1;
  const auto grow = [](std::vector<std::uint8_t>& buffer, int size) {
    if (buffer.size() < static_cast<std::size_t>(size)) buffer.resize(static_cast<std::size_t>(size));
  };
  grow(decodedBytes_, ROW_ALIGNMENT + inputRowBytes(region.columns + horizontal_.weights().taps));
  grow(resized_, region.stride * region.kept);
  rows_.resize(static_cast<std::size_t>(vertical_.taps));
  const std::uintptr_t past = reinterpret_cast<std::uintptr_t>(decodedBytes_.data()) % ROW_ALIGNMENT;
  decoded_ = decodedBytes_.data() + (ROW_ALIGNMENT + ROW_OFFSET - past) % ROW_ALIGNMENT;
}

bool JpegDecoder::readPixels(const CropPlan& plan, std::uint8_t* target) {
  Library& library = *library_;
  jpeg_decompress_struct& info = library.info;
  Region region;
  if (setjmp(library.onError) != 0) return false;
  jpeg_start_decompress(&info);

  const int width = static_cast<int>(info.output_width);
  const int begin = std::max(0, horizontal_.weights().begin - MARGIN);
  const int end = std::min(width, horizontal_.weights().end + MARGIN);
  JDIMENSION origin = 0;
  if (end - begin < width) {
    origin = static_cast<JDIMENSION>(begin);
    JDIMENSION columns = static_cast<JDIMENSION>(end - begin);
    jpeg_crop_scanline(&info, &origin, &columns);
  }
  planRegion(plan, region);
  region.origin = static_cast<int>(origin);
  if (region.first > 0) jpeg_skip_scanlines(&info, static_cast<JDIMENSION>(region.first));

  JSAMPROW row = decoded_;
  for (int place = region.first; place < region.end; place++) {
    if (jpeg_read_scanlines(&info, &row, 1) != 1) {
      std::snprintf(library.message, sizeof library.message, "the data end at row %d", place);
      return false;
    }
    takeRow(region, place, target);
  }
  return true;
}

void JpegDecoder::takeRow(Region& region, int row, std::uint8_t* target) {
  if (inks_) inksToColours(decoded_, region.columns);
  const auto place = [&](int wanted) {
    return resized_.data() + static_cast<std::ptrdiff_t>(wanted % region.kept) * region.stride;
  };
  horizontal_.run(decoded_, region.origin, place(row));
  for (; region.output < region.windowHeight; region.output++) {
    const std::size_t output = static_cast<std::size_t>(region.output);
    const int first = vertical_.first[output];
    const int count = vertical_.count[output];
    if (first + count - 1 > row) return;
    // A tap behind the last has weight zero: any row will do.
    for (int tap = 0; tap < vertical_.taps; tap++) {
      rows_[static_cast<std::size_t>(tap)] = place(first + std::min(tap, count - 1));
    }
    blendRows(rows_.data(), vertical_.weights.data() + output * static_cast<std::size_t>(vertical_.taps),
              vertical_.taps, vertical_.shift, region.windowWidth * 3, vectors_,
              target + output * static_cast<std::size_t>(region.windowWidth) * 3);
  }
}

}  // namespace images
