#include "weft/client.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "base/config.hpp"
#include "engine/engine.hpp"
#include "engine/rank.hpp"
#include "env/machine_memory.hpp"
#include "graph/options.hpp"
#include "weft/errors.hpp"
#include "weft/simulation.hpp"

namespace weft {

namespace {

void check_thresholds(const memory_thresholds& t) {
  const std::pair<const char*, double> all[] = {
      {"target", t.target}, {"spill", t.spill}, {"pause", t.pause}, {"terminate", t.terminate}};
  std::pair<const char*, double> last{nullptr, 0};
  for (const auto& [name, fraction] : all) {
    if (fraction == 0) continue;
    if (!(fraction > 0 && fraction <= 1))
      throw misuse(std::string("weft: client_options.thresholds.") + name + " is " + std::to_string(fraction) +
                   ": it is a fraction of the memory limit, between 0 and 1");
    if (fraction < last.second)
      throw misuse(std::string("weft: client_options.thresholds.") + name + " is " + std::to_string(fraction) +
                   ", less than " + last.first + ", which is " + std::to_string(last.second));
    last = {name, fraction};
  }
}

/// The budget, and where the process is to be watched the ladder.
void set_memory(detail::store_options& memory, const client_options& options) {
  const memory_thresholds t = options.thresholds.value_or(memory_thresholds{});
  check_thresholds(t);
  const bool watched = options.thresholds || options.memory_limit;
  memory.budget = options.memory_budget;
  if (memory.budget == 0)
    if (const std::string given = detail::setting("WEFT_MEMORY", ""); !given.empty())
      memory.budget = detail::parse_bytes(given, "WEFT_MEMORY");
  if (memory.budget != 0 && !watched) return;
  const std::uint64_t limit = options.memory_limit ? options.memory_limit : detail::usable_memory();
  if (memory.budget == 0)
    memory.budget = detail::part_of(limit, t.target != 0 ? t.target : memory_thresholds{}.target);
  memory.resident = {.limit = limit,
                     .spill = detail::part_of(limit, t.spill),
                     .target = detail::part_of(limit, t.target),
                     .pause = detail::part_of(limit, t.pause),
                     .terminate = detail::part_of(limit, t.terminate)};
}

detail::store_options memory_options(detail::pool_core& pool, client_options options) {
  detail::store_options memory;
  set_memory(memory, options);
  if (memory.resident.limit != 0 && pool.env().resident_memory() == 0) memory.resident = {};  // nobody knows
  if (memory.resident.limit != 0) detail::limit_keepers(memory.resident.limit);
  if (pool.stepped()) {  // a simulated disk has no directories, and is small
    memory.own_directory = false;
    memory.files.segment_bytes = 256 << 10;
    memory.files.chunk_bytes = 16 << 10;
  }
  memory.files.directory = std::move(options.spill_directory);
  if (memory.files.directory.empty()) memory.files.directory = detail::setting("WEFT_SPILL", "/var/tmp");
  memory.files.capacity = options.spill_capacity;
  if (options.patience.count() <= 0) throw misuse("weft: client_options.patience must be more than nothing");
  memory.patience = options.patience;
  memory.threads = pool.size();
  return memory;
}

std::shared_ptr<detail::engine> owned(detail::engine* e) {
  return {e, [](detail::engine* of) { of->close(); }};
}

std::shared_ptr<detail::engine> make_engine(detail::pool_core& pool, const client_options& options) {
  return owned(new detail::engine(pool, options.band, memory_options(pool, options),
                                  detail::parse_resources(options.resources)));
}

}  // namespace

client::client(pool& p, client_options options) : engine_(make_engine(p.core(), options)) {}
client::client(simulation& s, client_options options) : engine_(make_engine(s.core(), options)) {}
client::client(pool& p, const client_options& options, std::unique_ptr<detail::remote_home> cluster)
    : engine_(
          owned(new detail::engine(p.core(), options.band, memory_options(p.core(), options), std::move(cluster)))) {}

task_totals client::totals() const noexcept { return engine_->count(); }

observation client::observe(task_observer& o) const {
  engine_->observe(o);
  return observation(engine_, o);
}
observation::~observation() { engine_->stop_observing(*observer_); }

memory_use client::memory() const {
  const detail::store_counters m = engine_->memory().counters();
  const detail::spill_counters d = engine_->memory().disk();
  return {.budget = engine_->memory().options().budget,
          .in_memory = m.in_memory,
          .most_in_memory = m.peak,
          .spilled = m.spilled_bytes,
          .reloaded = m.reloaded_bytes,
          .written = d.stored_written,
          .on_disk = d.on_disk,
          .resident = engine_->resident_memory()};
}

client client::with(task_options options) const {
  detail::check_options(options);
  client c = *this;
  c.priority_ = static_cast<std::int16_t>(options.priority);
  c.retries_ = static_cast<std::uint16_t>(options.retries);
  c.details_ = nullptr;
  if (detail::task_details* d = detail::details_of(options)) {
    c.details_ = {d, &detail::drop_details};
    engine_->check_resources(d->resources);
  }
  return c;
}

client client::within(detail::node& n) noexcept {
  client c(std::shared_ptr<detail::engine>(std::shared_ptr<void>(), &n.home->submits_to()));
  c.within_ = n.rank;
  c.priority_ = detail::priority_of(n.rank);
  return c;
}

void client::mark(detail::node& n) const {
  n.number = engine_->next_sequence();
  n.rank = detail::rank_of(priority_, within_ ? within_ : n.number);
  n.retries = retries_;
  if (details_) {
    details_->references.fetch_add(1, std::memory_order_relaxed);
    n.details = details_.get();
  }
}

void client::check_open() const {
  engine_->check_open();
  if (const detail::remote_home* cluster = engine_->cluster()) cluster->check();
}

void client::start(detail::node& n) const {
  try {
    engine_->check_inputs(n);
  } catch (...) {
    engine_->abandon(n);
    throw;
  }
  mark(n);
  detail::add_handle(n);
  engine_->submit(n);
}

void client::keep(detail::node& n) const {
  mark(n);
  engine_->keep_value(n, true);
}

}  // namespace weft
