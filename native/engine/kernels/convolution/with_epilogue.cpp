#include "kernels/convolution/with_epilogue.hpp"

namespace one {
namespace {

class WithEpilogue : public Instruction {
 public:
  WithEpilogue(InstructionPtr convolution, const Activation& y, Epilogue epilogue)
      : convolution_(std::move(convolution)), y_(y), epilogue_(std::move(epilogue)) {}

  void run(Worker& worker, const RunArguments& arguments) override {
    convolution_->run(worker, arguments);
    if (epilogue_.statistics) storeStatistics(y_, worker, *epilogue_.statistics);
    if (!epilogue_.norm) return;
    const Activation* residual = epilogue_.residual ? &*epilogue_.residual : nullptr;
    applyFolded(y_, worker, *epilogue_.norm, residual, epilogue_.rectifier);
  }

 private:
  InstructionPtr convolution_;
  const Activation y_;
  Epilogue epilogue_;
};

}  // namespace

InstructionPtr withEpilogue(InstructionPtr convolution, const Activation& y, Epilogue epilogue) {
  if (!epilogue.statistics && !epilogue.norm) return convolution;
  return std::make_unique<WithEpilogue>(std::move(convolution), y, std::move(epilogue));
}

}  // namespace one
