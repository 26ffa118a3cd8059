#include "plan/plan.hpp"

#include <chrono>
#include <cstring>
#include <future>
#include <stdexcept>

#include "kernels/elementwise/elementwise.hpp"
#include "plan/instructions.hpp"

namespace one {
namespace {

constexpr std::size_t kLine = 64;

double now() {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

const NamedTable<Plan::ExportKind>& Plan::exportKindNames() {
  static const NamedTable<ExportKind> names{
      {"scalar", ExportKind::scalar},
      {"rows", ExportKind::rows},
      {"vector", ExportKind::vector},
      {"gradient", ExportKind::gradient},
      {"meanGradient", ExportKind::meanGradient},
      {"meanStatistic", ExportKind::meanStatistic},
      {"state", ExportKind::state},
  };
  return names;
}

Plan::Plan(const std::int32_t* words, std::size_t count, const SharedMemory& memory, Place place)
    : memory_(memory), place_(std::move(place)) {
  const PinnedScope pinned(place_.cores.front());
  WordReader reader(words, count);
  if (reader.integer() != kPlanVersion) {
    throw std::runtime_error("Expected a plan of this addon's version but received another: build the addon again");
  }
  const int block = reader.integer();
  const bool ownConvolutions = reader.integer() != 0;
  const int batch = reader.integer();
  imageBytes_ = reader.size();
  labelCount_ = reader.size();
  scalarInputs_ = reader.size();
  const std::size_t scalarCount = reader.size();
  const std::size_t arenaBytes = reader.size() * kLine;
  const std::size_t gradientElements = reader.size();
  const std::size_t statisticElements = reader.size();
  outputElements_ = reader.size();

  const int threads = static_cast<int>(place_.cores.size());
  const int hosts = place_.mesh == nullptr ? 1 : place_.mesh->hosts();
  exchange_ = std::make_unique<Exchange>(memory_.exchange, place_.replicas, threads, hosts, statisticElements,
                                         gradientElements);
  if (exchange_->bytes() > memory_.exchangeBytes) {
    throw std::runtime_error("Expected more memory for the exchange between replicas than received");
  }
  replicas_ = std::make_unique<Barrier>(exchange_->barrier(), static_cast<std::uint32_t>(exchange_->members()));
  team_ = std::make_unique<Team>(place_.cores);
  scalars_.resize(static_cast<std::size_t>(threads), std::vector<float>(scalarCount));
  for (int thread = 0; thread < threads; thread++) {
    arenas_.emplace_back(arenaBytes);
    Worker worker;
    worker.thread = thread;
    worker.firstSample = batch * thread / threads;
    worker.samples = batch * (thread + 1) / threads - worker.firstSample;
    worker.arena = arenas_.back().data();
    worker.scalars = scalars_[static_cast<std::size_t>(thread)].data();
    worker.gradients = exchange_->gradients(place_.replica);
    worker.team = &team_->barrier();
    workers_.push_back(std::move(worker));
  }

  // The first touch of gigabytes takes seconds, in which the instructions are made; the future's end waits for it.
  const std::future<void> populating = std::async(std::launch::async, [this] {
    const PinnedScope elsewhere(place_.cores.back());
    for (const AlignedBuffer& arena : arenas_) arena.populate();
  });

  builder_ = std::make_unique<PlanBuilder>(memory_.state, workers_, block, ownConvolutions);
  for (std::size_t left = reader.size(); left > 0; left--) builder_->readTensor(reader);
  readInstructions(reader, instructions_);
  reducedScalars_.resize(reader.size());
  for (std::size_t& scalar : reducedScalars_) scalar = reader.size();
  readInstructions(reader, finalScalars_);
  statistics_.resize(reader.size());
  for (Statistic& statistic : statistics_) {
    statistic.tensor = reader.size();
    statistic.target = reader.size();
    statistic.count = reader.size();
  }
  update_.read(reader);
  communicates_ = !update_.empty();
  exports_.resize(reader.size());
  for (Export& item : exports_) {
    item.kind = readNamed(reader, exportKindNames());
    item.source = reader.size();
    item.count = reader.size();
    item.target = reader.size();
    communicates_ = communicates_ || item.kind == ExportKind::meanGradient || item.kind == ExportKind::meanStatistic;
  }
  if (!reader.done()) throw std::runtime_error("Expected the end of the plan but received further words");
  builder_->bind();
  times_.assign(instructions_.size() + 2, 0.0);
}

void Plan::readInstructions(WordReader& words, std::vector<InstructionPtr>& list) {
  for (std::size_t left = words.size(); left > 0; left--) {
    list.push_back(readNamed(words, instructions())(words, *builder_));
  }
}

std::size_t Plan::bytes() const {
  std::size_t sum = builder_->bytes();
  for (const AlignedBuffer& arena : arenas_) sum += arena.bytes();
  return sum;
}

void Plan::profile(bool on) {
  profiling_ = on;
  times_.assign(times_.size(), 0.0);
}

void Plan::run(const RunArguments& arguments) {
  team_->run([&](int thread) { runThread(thread, arguments); },
             // Without this the other replicas would wait for a gradient that never comes.
             [this] { Barrier::abandon(exchange_->barrier()); });
}

void Plan::runThread(int thread, const RunArguments& arguments) {
  Worker& worker = workers_[static_cast<std::size_t>(thread)];
  const bool profiling = profiling_ && thread == 0;
  double before = profiling ? now() : 0;
  const auto record = [&](std::size_t place) {
    if (!profiling) return;
    const double after = now();
    times_[place] += after - before;
    before = after;
  };

  if (scalarInputs_ > 0) std::memcpy(worker.scalars, arguments.scalars, scalarInputs_ * sizeof(float));
  prepareParts(worker);
  record(instructions_.size());
  for (std::size_t place = 0; place < instructions_.size(); place++) {
    instructions_[place]->run(worker, arguments);
    record(place);
  }
  if (thread == 0) {
    for (const Statistic& statistic : statistics_) {
      std::memcpy(exchange_->statistics(place_.replica) + statistic.target,
                  worker.at<float>(builder_->tensorAt(statistic.tensor)), statistic.count * sizeof(float));
    }
  }
  if (communicates_) {
    replicas_->wait();
    if (exchange_->severalHosts()) sumOverHosts(thread);
  } else {
    worker.team->wait();
  }
  if (thread == 0) reduceScalars(arguments);
  if (update_.clips()) {
    update_.takeGradientSums(*exchange_, thread, team_->threads());
    replicas_->wait();
  }
  const float share = update_.share(*exchange_);
  if (update_.needsNorms()) {
    update_.takeNorms(*exchange_, share, thread, team_->threads(), worker.scalars, memory_.state);
    // Norms are of the weights before the update.
    replicas_->wait();
  }
  update_.run(*exchange_, share, place_.replica * team_->threads() + thread, worker.scalars, memory_.state);
  exportValues(worker, arguments, false);
  // Nobody begins the next run before everybody has read the gradients and written its shard of the weights.
  if (communicates_) replicas_->wait();
  exportValues(worker, arguments, true);
  record(instructions_.size() + 1);
}

// Between two meetings of the replicas: one thread of the host speaks with the others, all wait for it.
void Plan::sumOverHosts(int thread) {
  const int member = place_.replica * team_->threads() + thread;
  sumOverReplicas(*exchange_, member);
  replicas_->wait();
  if (member == 0) place_.mesh->sum(exchange_->sums(), exchange_->sumElements(), exchange_->barrier()->abandoned);
  replicas_->wait();
}

void Plan::prepareParts(Worker& worker) {
  const auto& parts = builder_->parts();
  if (parts.empty()) return;
  for (const auto& part : parts) part->prepare(worker);
  worker.team->wait();
}

// Losses and counts: each thread has those of its samples; their sums go into the first thread's scalars.
void Plan::reduceScalars(const RunArguments& arguments) {
  for (const std::size_t scalar : reducedScalars_) {
    float sum = 0;
    for (const auto& table : scalars_) sum += table[scalar];
    scalars_.front()[scalar] = sum;
  }
  for (const auto& instruction : finalScalars_) instruction->run(workers_.front(), arguments);
}

void Plan::exportValues(Worker& worker, const RunArguments& arguments, bool afterUpdate) {
  for (const Export& item : exports_) {
    if ((item.kind == ExportKind::state) != afterUpdate) continue;
    float* target = arguments.outputs + item.target;
    if (item.kind == ExportKind::rows) {
      const Activation& tensor = builder_->tensorAt(item.source);
      const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(tensor.channels) * tensor.pixels();
      copyToPlain(tensor, worker, target + worker.firstSample * row);
    }
    if (worker.thread != 0) continue;
    switch (item.kind) {
      case ExportKind::scalar: *target = worker.scalars[item.source]; break;
      case ExportKind::rows: break;
      case ExportKind::vector:
        std::memcpy(target, worker.at<float>(builder_->tensorAt(item.source)), item.count * sizeof(float));
        break;
      case ExportKind::gradient: std::memcpy(target, worker.gradients + item.source, item.count * sizeof(float)); break;
      case ExportKind::meanGradient: meanGradients(*exchange_, item.source, item.count, target); break;
      case ExportKind::meanStatistic: averageStatistics(*exchange_, item.source, item.count, target); break;
      case ExportKind::state: std::memcpy(target, memory_.state + item.source, item.count * sizeof(float)); break;
    }
  }
}

}  // namespace one
