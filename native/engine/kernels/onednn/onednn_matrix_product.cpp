#include "kernels/onednn/onednn_matrix_product.hpp"

#if !defined(ONE_WITHOUT_ONEDNN)
#include <stdexcept>

#include <dnnl.hpp>
#endif

namespace one::onednn {

#if defined(ONE_WITHOUT_ONEDNN)

bool multiplyMatrices(int, int, int, const MatrixView&, const MatrixView&, bool, float*, std::ptrdiff_t) {
  return false;
}

#else

namespace {

// As BLAS names a matrix of so many columns: whether its rows lie along memory, and the elements from one row, or column, to the
// next.
struct BlasOrder {
  char transposed;
  std::ptrdiff_t leading;
  BlasOrder(const MatrixView& matrix, int columns) {
    const bool rows = matrix.columnStride == 1 && matrix.rowStride >= columns;
    transposed = rows ? 'N' : 'T';
    leading = rows ? matrix.rowStride : matrix.columnStride;
  }
};

}  // namespace

bool multiplyMatrices(int rows, int columns, int depth, const MatrixView& a, const MatrixView& b, bool add, float* c,
                      std::ptrdiff_t stride) {
  const BlasOrder left(a, depth);
  const BlasOrder right(b, columns);
  const dnnl::status status = dnnl::sgemm(left.transposed, right.transposed, rows, columns, depth, 1.0f, a.data,
                                          left.leading, b.data, right.leading, add ? 1.0f : 0.0f, c, stride);
  if (status != dnnl::status::success) {
    throw std::runtime_error("Expected oneDNN to multiply matrices but received a failure");
  }
  return true;
}

#endif

}  // namespace one::onednn
