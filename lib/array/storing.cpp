// Arrays are written to their places, several in one pass.
#include "array/storing.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "array/plan.hpp"
#include "array/side_by_side.hpp"
#include "array/writers.hpp"
#include "env/held_path.hpp"
#include "weft/array/store.hpp"
#include "weft/blocking.hpp"
#include "weft/errors.hpp"
#include "weft/stop.hpp"

namespace weft::detail::arrays {

namespace {

struct join_task {
  template <class... In>
  nothing operator()(std::size_t, const In&...) const noexcept {
    return {};
  }
  std::string task_name() const { return "stored"; }
  std::string task_subject(std::size_t) const { return {}; }
};

template <class... Links>
layer<nothing> joined(std::size_t n, std::span<const layer<nothing>> in, std::span<const among> how,
                      const Links&... links) {
  if (in.empty()) return layer_of(n, join_task{}, links...);
  if constexpr (sizeof...(Links) < most_inputs)
    return joined(n, in.subspan(1), how.subspan(1), links..., weft::from(in[0], how[0]));
  else
    throw std::logic_error("weft: a task that joins what is stored takes more than 8 layers");
}

std::string message_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) { return e.what(); } catch (...) {
    return "an exception of another kind";
  }
}

/// Gives all their names. `done` counts those that have them.
task<> finish_all(const storing_jobs& jobs, std::size_t& done) {
  std::exception_ptr failure;
  try {
    for (const std::shared_ptr<storing_job>& j : jobs) {
      co_await j->finish();
      ++done;
    }
  } catch (...) { failure = std::current_exception(); }
  if (!failure) co_return;
  if (done == 0) std::rethrow_exception(failure);
  std::string there;
  for (std::size_t i = 0; i < done; ++i) there += (i == 0 ? "" : ", ") + jobs[i]->name();
  throw std::runtime_error(message_of(failure) + "; of the arrays that are stored with " + jobs[done]->name() +
                           " these are in their places already: " + there);
}

/// The last first: what one has made for all, as a new file, goes with it.
task<> give_up_all(const storing_jobs& jobs, std::size_t done, std::size_t begun, bool certain) {
  for (std::size_t i = begun; i-- > done;) try {
      co_await jobs[i]->give_up(certain);
    } catch (const std::exception&) {}  // that it cannot be taken away is less than what has happened
}

/// Of a failure after which tasks may be at it still: regions have names that others know.
[[noreturn]] void throw_failure(const storing_jobs& jobs, const writing_end& end) {
  std::string still;
  for (const std::shared_ptr<storing_job>& j : jobs)
    if (j->is_written_in_place() && !end.certain) still += (still.empty() ? "" : ", ") + j->name();
  if (still.empty()) std::rethrow_exception(end.failure);
  try {
    std::rethrow_exception(end.failure);
  } catch (const cancelled&) {
    throw;  // which whoever has stopped it waits for
  } catch (...) {
    throw std::runtime_error(message_of(end.failure) + "; workers that did not answer may still write to " + still);
  }
}

/// Throws misuse where an array is computed of what a region of the same call is written over: a task would read what
/// another has written, and one that is run again its own.
void check_not_read(const storing_jobs& jobs) {
  std::map<std::string, const storing_job*> written;
  bool things = false;  // that are known: only then what is read is looked at, which may be very many files
  for (const std::shared_ptr<storing_job>& j : jobs)
    if (j->region()) {
      written.emplace(j->place(), j.get());
      const std::string thing = j->thing();
      if (thing.empty()) continue;
      written.emplace(thing, j.get());
      things = true;
    }
  if (written.empty()) return;
  std::set<const array_node*> seen;
  std::vector<const array_node*> left;
  for (const std::shared_ptr<storing_job>& j : jobs) left.push_back(j->array().get());
  while (!left.empty()) {
    const array_node* const x = left.back();
    left.pop_back();
    if (!seen.insert(x).second) continue;
    for (const operand& o : x->operands) left.push_back(o.node.get());
    const auto* const file = dynamic_cast<const reads_place*>(x);
    if (!file) continue;
    std::vector<std::string> read;
    if (things) read = file->things_read();
    read.push_back(file->place_read());
    for (const std::string& what : read)
      if (const auto at = written.find(what); at != written.end())
        throw misuse("weft: a region of " + at->second->name() +
                     " is stored by a call that reads that array itself, of which a task may find what another has "
                     "written: persist() what is read and wait for it first, or write another file");
  }
}

/// `by` runs the tasks that write and those before them.
task<> run_all(client by, storing_jobs jobs) {
  const std::uint64_t number = number_of_writing() | 1;  // 0 is none
  std::size_t begun = 0, done = 0;
  writing_end end;
  try {
    while (begun < jobs.size()) {
      storing_job& next = *jobs[begun++];
      co_await next.begin(number, number_of_writing() | 1);
    }
    const auto check = [&] {
      check_apart(jobs);
      check_not_read(jobs);
    };
    co_await blocking(check);  // again: now it is known what is there
    std::vector<array_ref> arrays;
    for (const std::shared_ptr<storing_job>& j : jobs) arrays.push_back(j->array());
    std::vector<layer<block>> chunks = layers_of_blocks(arrays);
    std::vector<layer<nothing>> writes;
    for (std::size_t i = 0; i < jobs.size(); ++i) writes.push_back(jobs[i]->writes(std::move(chunks[i])));
    end = co_await run_writers(by, in_one_layer(std::move(writes)), number);
    if (!end.failure) {
      for (const std::shared_ptr<storing_job>& j : jobs) co_await j->settle();
      task<> finishing = finish_all(jobs, done);
      co_await shield(std::move(finishing));  // they are in place or not, and no stop says otherwise
    }
  } catch (...) { end.failure = std::current_exception(); }
  if (!end.failure) co_return;
  task<> giving_up = give_up_all(jobs, done, begun, end.certain);
  co_await shield(std::move(giving_up));
  throw_failure(jobs, end);
}

storing_jobs jobs_of(const std::vector<stored_array>& all) {
  storing_jobs jobs;
  for (const stored_array& one : all) {
    common_client(all.front().x->owner, one.x->owner);
    jobs.push_back(one.where->job_for(one.x));
  }
  check_apart(jobs);
  check_not_read(jobs);
  return jobs;
}

task<> do_nothing() { co_return; }

task<array_ref> run_and_open(client by, storing_jobs jobs) {
  const std::shared_ptr<storing_job> only = jobs.front();
  co_await run_all(std::move(by), std::move(jobs));
  co_return co_await only->open();
}

}  // namespace

std::string spelled_alike(const std::string& path) {
  std::error_code failed;
  const std::filesystem::path found = std::filesystem::weakly_canonical(path, failed);
  return failed ? std::filesystem::path(path).lexically_normal().string() : found.string();
}

file_number number_of_file(const std::string& path) {
  struct stat there{};
  if (::stat(path.c_str(), &there) != 0) return {};
  return {there.st_dev, there.st_ino};
}

held_file::held_file(const std::string& path) : held_(hold_path(path)) {
  struct stat there{};
  if (held_ && ::fstat(held_.get(), &there) == 0)
    number_ = {there.st_dev, there.st_ino};
  else
    number_ = number_of_file(path);  // too many files are open: it is known, if not held
}

std::shared_ptr<const held_file> hold_file(const std::string& path) {
  static std::mutex lock;
  // Never destroyed: calls may outlive what is.
  static auto* const all = new std::map<std::pair<std::uint64_t, std::uint64_t>, std::weak_ptr<const held_file>>;
  auto held = std::make_shared<held_file>(path);
  if (held->number() == file_number()) return held;
  std::lock_guard guard(lock);
  std::erase_if(*all, [](const auto& one) { return one.second.expired(); });
  std::weak_ptr<const held_file>& known = (*all)[{held->number().device, held->number().inode}];
  if (std::shared_ptr<const held_file> same = known.lock()) return same;
  known = held;
  // A call may store to more files than a process may have open.
  constexpr std::size_t most_held = 256;
  if (all->size() > most_held) held->let_go();
  return held;
}

task<std::shared_ptr<const held_file>> hold_file_beside(std::string path) {
  const auto hold = [&] { return hold_file(path); };
  co_return co_await blocking(hold);
}

std::string to_string(file_number f) {
  if (f == file_number()) return {};
  return "file " + std::to_string(f.device) + ":" + std::to_string(f.inode);
}

void throw_written_anew(const std::string& name) {
  throw std::runtime_error("weft: " + name +
                           " was written anew while a region of it was written: store the region again");
}

void check_apart(const storing_jobs& jobs) {
  if (jobs.size() < 2) return;
  std::vector<std::string> places, things;
  for (const std::shared_ptr<storing_job>& j : jobs) {
    places.push_back(j->is_own_place() ? j->place() : std::string());
    things.push_back(j->thing());
  }
  for (std::size_t i = 0; i < jobs.size(); ++i)
    for (std::size_t k = 0; k < i; ++k) {
      if (jobs[i]->is_in_the_way_of(places[k], places[i]) || jobs[k]->is_in_the_way_of(places[i], places[k]))
        throw misuse("weft: " + jobs[i]->name() + " and " + jobs[k]->name() +
                     " are stored in one call, and one cannot be in the other: choose another name");
      if ((places[i].empty() || places[i] != places[k]) && (things[i].empty() || things[i] != things[k])) continue;
      const file_region *a = jobs[k]->region(), *b = jobs[i]->region();
      if (!a || !b)
        throw misuse("weft: two arrays of one call are stored to " + jobs[i]->name() +
                     ": give each a place of its own, or store the second when the first is there");
      // Before the file has been read nobody knows.
      if (a->settled && b->settled && regions_overlap(*a, *b))
        throw misuse("weft: the regions " + to_string(*a) + " and " + to_string(*b) + " of " + jobs[i]->name() +
                     " overlap, and are stored in one call: store one of them later");
    }
}

layer<nothing> in_one_layer(std::vector<layer<nothing>> layers) {
  while (layers.size() > 1) {
    std::vector<layer<nothing>> fewer;
    for (std::size_t first = 0; first < layers.size(); first += most_inputs) {
      const std::size_t end = std::min(first + most_inputs, layers.size());
      std::vector<among> places;
      std::size_t n = 0;
      for (std::size_t i = first; i < end; ++i) {
        places.push_back({n, layers[i].size()});
        n += layers[i].size();
      }
      fewer.push_back(joined(n, std::span<const layer<nothing>>(layers).subspan(first, end - first),
                             std::span<const among>(places)));
    }
    layers = std::move(fewer);
  }
  return std::move(layers.front());
}

std::string subject_of_write(std::string chunk, const std::string& name) {
  return chunk.empty() ? name : std::move(chunk) + " for " + name;
}

// What is wrong is said here, and not when it is awaited.
task<> store_all(std::vector<stored_array> all) {
  return all.empty() ? do_nothing() : run_all(all.front().x->owner, jobs_of(all));
}
task<> store_all(task_options how, std::vector<stored_array> all) {
  return all.empty() ? do_nothing() : run_all(all.front().x->owner.with(how), jobs_of(all));
}
task<array_ref> store_and_open(stored_array one) {
  std::vector<stored_array> all;
  all.push_back(std::move(one));
  storing_jobs jobs = jobs_of(all);
  jobs.front()->check_opens();
  return run_and_open(all.front().x->owner, std::move(jobs));
}

}  // namespace weft::detail::arrays

namespace weft {

namespace {

std::vector<detail::arrays::stored_array> what_of(const std::vector<storing>& all) {
  std::vector<detail::arrays::stored_array> what;
  for (const storing& s : all) what.push_back(s.what());
  return what;
}

}  // namespace

task<> store(std::vector<storing> all) { return detail::arrays::store_all(what_of(all)); }
task<> store(task_options how, std::vector<storing> all) { return detail::arrays::store_all(how, what_of(all)); }

}  // namespace weft
