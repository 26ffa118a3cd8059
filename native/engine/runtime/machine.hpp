// What the addon says of this machine and of oneDNN.
#pragma once
#include <string>

namespace one {

struct Machine {
  // oneDNN's, empty where the addon was built without it.
  std::string version;
  // Those that oneDNN uses here, else those that the addon was compiled for.
  std::string instructionSet;
  // oneDNN's: `omp`, `tbb`, `seq`, ...; the team of threads needs `omp` or `seq`. `none` without it.
  std::string threading;
  // Channels in a block of the layout that convolutions prefer.
  int blockF32 = 0;
  int blockBf16 = 0;
  // Most channels that our own 3x3 convolutions take.
  int winogradChannels = 0;
};

Machine describeMachine();

}  // namespace one
