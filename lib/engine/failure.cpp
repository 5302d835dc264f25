#include "engine/failure.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <typeinfo>
#include <utility>

#include "engine/engine.hpp"
#include "engine/layer_end.hpp"
#include "trace/symbols.hpp"
#include "weft/detail/run_under.hpp"
#include "weft/errors.hpp"
#include "weft/remote_error.hpp"
#include "weft/task_failed.hpp"

namespace weft::detail {

void drop_failure(failure* f) noexcept {
  while (f && f->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    failure* cause = f->cause;
    delete f;
    f = cause;
  }
}

void engine::fail(node& n, std::exception_ptr error, failure* cause) noexcept {
  auto* f = new failure;
  if (cause) cause->references.fetch_add(1, std::memory_order_relaxed);
  f->error = cause ? cause->error : std::move(error);
  f->cause = cause;
  f->function = n.type->function_name(n);
  f->key = key_of(n);
  n.why = f;
  if (cause) return;
  try {
    std::rethrow_exception(f->error);
  } catch (const task_failed& e) {  // it awaited a task that failed: that one's failure went through here
    f->error = e.error();
    f->function = e.function();
    f->before = e.path();
    constexpr std::size_t most_kept = 64;
    if (f->before.size() > most_kept)
      f->before.erase(f->before.begin() + most_kept / 2, f->before.end() - most_kept / 2);
  } catch (...) {  // any other error is its own explanation, and stays in f->error
  }
}

/// Whether the node has ended without a value, and is not being run again at this moment; then `why`, counted, unless
/// it was cancelled.
bool engine::has_no_value(node& n, failure*& why) noexcept {
  std::lock_guard guard(failures_lock_);
  if (!n.ended() || n.is(node_state::done)) return false;
  why = n.is(node_state::failed) ? n.why : nullptr;
  if (why) why->references.fetch_add(1, std::memory_order_relaxed);
  return true;
}

std::string key_of(const node& n) {
  if (n.details && !n.details->name.empty()) return n.details->name;
  // On a worker the upper bits say who has submitted it.
  std::string key = n.type->function_name(n) + "-" + std::to_string(n.number & ((std::uint64_t{1} << 40) - 1));
  if (n.type->subject)
    if (const std::string subject = n.type->subject(n); !subject.empty()) key += " of " + subject;
  return key;
}

namespace {

std::string say(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const remote_error& e) { return e.type() + ": " + e.what(); } catch (const std::exception& e) {
    return readable_type(typeid(e).name()) + ": " + e.what();
  } catch (...) {
    const std::type_info* t = abi::__cxa_current_exception_type();
    return "an exception of type " + (t ? readable_type(t->name()) : std::string("unknown"));
  }
}

}  // namespace

namespace {

/// The keys from the task that threw to the node, and what was thrown last.
std::vector<std::string> path_to(const node& n, const failure*& threw) {
  std::vector<std::string> path;
  const failure* f = n.why;
  for (; f->cause; f = f->cause) path.push_back(f->key);
  path.push_back(f->key);
  path.insert(path.end(), f->before.rbegin(), f->before.rend());
  std::reverse(path.begin(), path.end());
  threw = f;
  return path;
}

}  // namespace

remote_failure describe_failure(const node& n) {
  const failure* f = nullptr;
  remote_failure d;
  d.path = path_to(n, f);
  d.function = f->function;
  try {
    std::rethrow_exception(f->error);
  } catch (const remote_error& e) {
    d.type = e.type();
    d.text = e.what();
  } catch (const std::exception& e) {
    d.type = readable_type(typeid(e).name());
    d.text = e.what();
  } catch (...) {
    const std::type_info* t = abi::__cxa_current_exception_type();
    d.type = t ? readable_type(t->name()) : "unknown";
  }
  return d;
}

namespace {

/// Of an await that was not cancelled itself.
class task_cancelled final : public cancelled {
 public:
  explicit task_cancelled(const std::string& key) : text_("weft: task " + key + " was cancelled") {}
  const char* what() const noexcept override { return text_.what(); }

 private:
  std::runtime_error text_;
};

std::string seconds_text(std::chrono::nanoseconds time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g s", std::chrono::duration<double>(time).count());
  return text;
}

}  // namespace

std::string late_text(const node& n) {
  if (const layer_end* all = layer_end::of(n); all && !all->late.empty()) return all->late;
  const std::string limit = n.details ? " of " + seconds_text(n.details->time_limit) : std::string();
  return "task " + key_of(n) + " has not ended within its time limit" + limit;
}

void throw_failure(const node& n) {
  if (!n.is(node_state::failed)) {
    if (!n.timed_out()) throw task_cancelled(key_of(n));
    throw timed_out("weft: " + late_text(n));
  }
  const failure* f = nullptr;
  std::vector<std::string> path = path_to(n, f);
  std::string sentence = "weft: task " + path.front() + " failed: " + say(f->error);
  if (path.size() > 1) {
    constexpr std::size_t most_shown = 8;
    sentence += " (and with it ";
    for (std::size_t i = 1; i < path.size(); ++i) {
      if (i > most_shown / 2 && i + most_shown / 2 < path.size()) {
        if (i == most_shown / 2 + 1) sentence += " ...";
        continue;
      }
      sentence += (i > 1 ? ", " : "") + path[i];
    }
    sentence += ")";
  }
  throw task_failed(sentence, f->function, std::move(path), f->error);
}

void throw_lost_value(const node& n, const std::exception_ptr& error) {
  throw task_failed("weft: the value of task " + key_of(n) + " cannot be brought back" +
                        (n.has(node::remote) ? ": " : " from the disk: ") + say(error),
                    n.type->function_name(n), {key_of(n)}, error);
}

void throw_empty_future() {
  throw misuse("weft: this future refers to no task: it was made without one, or moved from");
}

void throw_shared_value() {
  throw misuse(
      "weft: this value cannot be copied, and others hold it too: await the future as an lvalue, for a reference");
}

std::string name_of_function(const void* address) {
  static short_lock lock;
  std::lock_guard guard(lock);
  static symbols known;
  std::string name = known.name_of(reinterpret_cast<std::uint64_t>(address));
  if (const std::size_t end = name.find('('); end != 0 && end != std::string::npos) name.resize(end);
  return name;
}
std::string readable_type(const char* mangled) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(mangled, nullptr, nullptr, &status),
                                                    std::free);
  return name ? name.get() : mangled;
}

}  // namespace weft::detail
