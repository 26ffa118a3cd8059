// How threads wait for what others do soon: they keep their core for some tens of microseconds before they do anything slower.
#pragma once

namespace one {

inline void pauseThread() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Whether `done()` came true meanwhile; what it throws ends the wait.
template <class Done>
bool spinUntil(const Done& done) {
  constexpr int kSpins = 4000;
  for (int spin = 0; spin < kSpins; spin++) {
    if (done()) return true;
    pauseThread();
  }
  return false;
}

}  // namespace one
