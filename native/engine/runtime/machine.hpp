// What oneDNN says of itself and of this machine.
#pragma once
#include <string>

namespace one {

struct Machine {
  std::string version;
  std::string instructionSet;
  // `omp`, `tbb`, `seq`, ...; the team of threads needs `omp` or `seq`.
  std::string threading;
  // Channels in a block of the layout that convolutions prefer; 0 = channels last.
  int blockF32 = 0;
  int blockBf16 = 0;
  bool bf16 = false;
  // Most channels that our own 3x3 convolutions take; 0 = none here.
  int winogradChannels = 0;
};

Machine describeMachine();

}  // namespace one
