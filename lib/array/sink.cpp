// Functions that take the chunks of an array, as places for one.
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "array/boxes.hpp"
#include "array/mapped.hpp"
#include "array/names.hpp"
#include "array/storing.hpp"
#include "array/writers.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

/// What the tasks that give chunks to a function know.
struct sink_plan {
  any_code<chunk_taker> to;
  grid chunks;
  element of = {};
  std::uint64_t writing = 0;
};
void weft_encode(encoder& e, const sink_plan& p) {
  weft::encode(e, p.to);
  weft::encode(e, p.chunks);
  weft::encode(e, p.of);
  weft::encode(e, p.writing);
}
sink_plan weft_decode(decoder& d, std::type_identity<sink_plan>) {
  sink_plan p{weft::decode<any_code<chunk_taker>>(d), weft::decode<grid>(d)};
  p.of = weft::decode<element>(d);
  p.writing = weft::decode<std::uint64_t>(d);
  if (!p.to->takes(p.of, p.chunks.rank)) d.fail("an array's sink", "it takes other chunks than it is given");
  return p;
}

std::string name_of_taker(const chunk_taker& f) {
  std::vector<std::string_view> operations;
  f.describe(operations);
  return "sink " + std::string(operations.front());
}

struct give_task {
  shared<sink_plan> plan;
  nothing operator()(std::size_t j, const block& b) const {
    const grid& g = plan->chunks;
    const coordinates at = place_of(j, g.counts(), g.rank);
    if (b.of().item != plan->of.item || b.extents() != g.chunk(at))
      throw std::logic_error("weft: a task that gives a chunk to a sink was given another one than its own");
    const writing here(plan->writing);
    plan->to->take(place_among(g, at), {b.bytes().data(), b.extents()});
    return {};
  }
  std::string task_name() const { return "give-to-sink"; }
  std::string task_subject(std::size_t j) const {
    const box all = box::all_of(plan->chunks);
    return subject_of_write(name_of_chunk(j, all.first, all.counts), name_of_taker(*plan->to));
  }
};

class sink_job final : public storing_job {
 public:
  /// Sinks may be alike, and are places of their own.
  sink_job(array_ref x, any_code<chunk_taker> to, bool here)
      : storing_job(std::move(x), name_of_taker(*to)), to_(std::move(to)), here_(here) {
    if (!to_->takes(x_->of, x_->chunks.rank))
      throw misuse("weft: " + name() + " was made for_array of " + kind(to_->of(), to_->rank()) +
                   ", and is given one of " + kind(x_->of, x_->chunks.rank) +
                   ": store it with the sink itself, which is made for each array");
  }
  bool is_own_place() const noexcept override { return false; }

  task<> begin(std::uint64_t number, std::uint64_t) override {
    number_ = number;
    if (!here_) co_return;
    const cluster_info there = co_await x_->owner.cluster();
    if (!there.workers.empty()) throw_stays_here();
  }
  layer<nothing> writes(layer<block> chunks) override {
    sink_plan plan{to_, x_->chunks, x_->of, number_};
    return layer_of(x_->chunks.tasks(), give_task{shared<sink_plan>(std::move(plan))},
                    weft::from(std::move(chunks), one_to_one{}));
  }
  task<> finish() override { co_return; }
  task<> give_up(bool) override { co_return; }
  void check_opens() const override {
    throw misuse("weft: what was given to " + name() + " cannot be read from it: store the array without opening it");
  }
  task<array_ref> open() const override {
    check_opens();
    co_return nullptr;
  }

  [[noreturn]] static void throw_stays_here() {
    throw misuse(
        "weft: a sink_here, or memory, is an object of this process, and the tasks of a cluster are run by its "
        "workers: give them a function that travels, by sink, or compute() the array and take it from there");
  }

 private:
  static std::string kind(element e, std::size_t rank) {
    const std::string axes = rank == dynamic_rank ? "any number of" : std::to_string(rank);
    return weft::to_string(e.type) + " with " + axes + " axes";
  }

  const any_code<chunk_taker> to_;
  const bool here_;
  std::uint64_t number_ = 0;
};

class sink_target_kind final : public target_kind {
 public:
  sink_target_kind(any_code<chunk_taker> to, bool here) : to_(std::move(to)), here_(here) {}
  std::shared_ptr<storing_job> job_for(array_ref x) const override {
    return std::make_shared<sink_job>(std::move(x), to_, here_);
  }
  target_ref part(std::vector<index_item>) const override {
    throw misuse("weft: a region of a sink: it is told where each chunk is, and puts it where it likes");
  }

 private:
  const any_code<chunk_taker> to_;
  const bool here_;
};

std::shared_ptr<const code> make_none(decoder& d) { d.fail("an array's sink", "it belongs to another process"); }

}  // namespace

void chunk_taker_here::encode(encoder&) const { sink_job::throw_stays_here(); }
const code_entry& chunk_taker_here::entry() const noexcept {
  static const code_entry none(&make_none);
  return none;
}

target_ref sink_kind(any_code<chunk_taker> f, bool here) {
  return std::make_shared<const sink_target_kind>(std::move(f), here);
}

}  // namespace weft::detail::arrays
