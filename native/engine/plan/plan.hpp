// A program compiled for one replica: a flat list of instructions that a team of threads runs, each on its slice of the
// batch, meeting at batch norm's sums and at the sum of gradients.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/optimizer/update.hpp"
#include "plan/named.hpp"
#include "plan/plan_builder.hpp"
#include "runtime/exchange.hpp"
#include "runtime/host_mesh.hpp"
#include "runtime/team.hpp"

namespace one {

// The replica's part in the run.
struct Place {
  int replica = 0;
  int replicas = 1;
  std::vector<int> cores;
  // Links to the other hosts, null where there are none.
  std::shared_ptr<HostMesh> mesh;
};

// Version of the words behind the names; plan-words.ts writes the same number. Raised where the words of an instruction change.
constexpr int kPlanVersion = 16;

struct SharedMemory {
  float* state = nullptr;
  char* exchange = nullptr;
  std::size_t exchangeBytes = 0;
};

class Plan {
 public:
  // Where an output comes from.
  enum class ExportKind { scalar, rows, vector, gradient, meanGradient, meanStatistic, state };
  static const NamedTable<ExportKind>& exportKindNames();

  // Throws std::exception with a sentence where the words or the memory do not fit.
  Plan(const std::int32_t* words, std::size_t count, const SharedMemory& memory, Place place);

  void run(const RunArguments& arguments);

  std::size_t imageBytes() const { return imageBytes_; }
  std::size_t labelCount() const { return labelCount_; }
  std::size_t scalarInputs() const { return scalarInputs_; }
  std::size_t outputElements() const { return outputElements_; }
  // Arenas, working copies of weights and scratch memory.
  std::size_t bytes() const;

  // Time of each instruction in the first thread, nanoseconds since the last reset; then the update's.
  void profile(bool on);
  const std::vector<double>& times() const { return times_; }

 private:
  struct Export {
    ExportKind kind;
    std::size_t source;  // scalar, tensor, or element of gradient, statistic or state
    std::size_t count;   // elements
    std::size_t target;  // element of the outputs
  };
  struct Statistic {
    std::size_t tensor;
    std::size_t target;
    std::size_t count;
  };

  void readInstructions(WordReader& words, std::vector<InstructionPtr>& list);
  void runThread(int thread, const RunArguments& arguments);
  void prepareParts(Worker& worker);
  void sumOverHosts(int thread);
  void reduceScalars(const RunArguments& arguments);
  void exportValues(Worker& worker, const RunArguments& arguments, bool afterUpdate);

  SharedMemory memory_;
  Place place_;
  std::vector<Worker> workers_;
  std::vector<AlignedBuffer> arenas_;
  std::vector<std::vector<float>> scalars_;
  std::unique_ptr<PlanBuilder> builder_;
  std::vector<InstructionPtr> instructions_;
  std::vector<std::size_t> reducedScalars_;
  std::vector<InstructionPtr> finalScalars_;
  std::vector<Statistic> statistics_;
  Update update_;
  std::vector<Export> exports_;
  std::unique_ptr<Exchange> exchange_;
  std::unique_ptr<Barrier> replicas_;
  std::size_t imageBytes_ = 0;
  std::size_t labelCount_ = 0;
  std::size_t scalarInputs_ = 0;
  std::size_t outputElements_ = 0;
  bool communicates_ = false;
  bool profiling_ = false;
  std::vector<double> times_;
  // Last, so that its threads end before what they use goes.
  std::unique_ptr<Team> team_;
};

}  // namespace one
