#include "interleave.hpp"

#include "seeds.hpp"

#include <cxxabi.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <exception>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__has_feature)
#define WEFT_HAS_FEATURE(x) __has_feature(x)
#else
#define WEFT_HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || WEFT_HAS_FEATURE(address_sanitizer)
#define WEFT_ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#elif defined(__SANITIZE_THREAD__) || WEFT_HAS_FEATURE(thread_sanitizer)
#define WEFT_TSAN 1
#include <sanitizer/tsan_interface.h>
#endif

namespace weft::test::interleave {

namespace {

/// splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014, fig. 17).
/// Ours, so that a seed means the same schedule with every standard library.
class random_source {
 public:
  explicit random_source(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// Uniform below `n`, but for a bias of n / 2^64.
  std::size_t below(std::size_t n) noexcept { return next() % n; }

 private:
  std::uint64_t state_;
};

/// A place where execution can stop and go on: the main context, or a fiber's.
struct context {
  ucontext_t machine{};
  const void* stack = nullptr;
  std::size_t stack_size = 0;
  /// The C++ runtime keeps the exceptions in flight by OS thread: two words, ours to swap.
  std::array<void*, 2> exceptions{};
  void* fake_stack = nullptr;  // AddressSanitizer's
  void* race_fiber = nullptr;  // ThreadSanitizer's
};

/// The context that switched to the running one.
thread_local context* left_behind = nullptr;

/// The first thing to do in a context that was switched to.
void arrive([[maybe_unused]] context& here) noexcept {
#ifdef WEFT_ASAN
  // Tells the bounds of the stack we come from, which is how those of the main stack get known.
  __sanitizer_finish_switch_fiber(here.fake_stack, &left_behind->stack, &left_behind->stack_size);
#endif
  std::memcpy(abi::__cxa_get_globals(), here.exceptions.data(), sizeof here.exceptions);
}

/// Returns when something switches back to `from`.
///
/// getcontext and setcontext rather than swapcontext: AddressSanitizer intercepts the latter, prints a warning,
/// and clears the whole shadow of the target stack each time.
void switch_context(context& from, context& to) noexcept {
  left_behind = &from;
  std::memcpy(from.exceptions.data(), abi::__cxa_get_globals(), sizeof from.exceptions);
#if defined(WEFT_ASAN)
  __sanitizer_start_switch_fiber(&from.fake_stack, to.stack, to.stack_size);
#elif defined(WEFT_TSAN)
  __tsan_switch_to_fiber(to.race_fiber, 0);
#endif
  volatile bool back = false;  // volatile: getcontext returns twice
  getcontext(&from.machine);
  if (!back) {
    back = true;
    setcontext(&to.machine);
  }
  arrive(from);
}

void fiber_main();

/// A stack with a guard page below it. Runs one model thread after another, over many runs.
class fiber {
 public:
  fiber() {
    const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    mapping_size_ = page + stack_size;
    mapping_ = mmap(nullptr, mapping_size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap of a fiber stack");
    char* stack = static_cast<char*>(mapping_) + page;
    if (mprotect(stack, stack_size, PROT_READ | PROT_WRITE) != 0) {
      const int error = errno;
      munmap(mapping_, mapping_size_);
      throw std::system_error(error, std::generic_category(), "mprotect of a fiber stack");
    }
    here.stack = stack;
    here.stack_size = stack_size;
    getcontext(&here.machine);
    here.machine.uc_stack.ss_sp = stack;
    here.machine.uc_stack.ss_size = stack_size;
    here.machine.uc_link = nullptr;
    makecontext(&here.machine, fiber_main, 0);
#ifdef WEFT_TSAN
    here.race_fiber = __tsan_create_fiber(0);
#endif
  }

  ~fiber() {
#if defined(WEFT_ASAN)
    __asan_unpoison_memory_region(mapping_, mapping_size_);
#elif defined(WEFT_TSAN)
    __tsan_destroy_fiber(here.race_fiber);
#endif
    munmap(mapping_, mapping_size_);
  }
  fiber(const fiber&) = delete;
  fiber& operator=(const fiber&) = delete;

  /// Tells LeakSanitizer that nobody will free what the frames on this stack own.
  void disown() const noexcept {
#ifdef WEFT_ASAN
    const auto* stack = static_cast<void* const*>(here.stack);
    disown_range(stack, stack + here.stack_size / sizeof(void*));
    disown_range(reinterpret_cast<void* const*>(&here), reinterpret_cast<void* const*>(&here + 1));  // registers
#endif
  }

  context here;

 private:
  // Sanitizers make frames several times larger; untouched pages cost nothing.
  static constexpr std::size_t stack_size = std::size_t{256} << 10;

#ifdef WEFT_ASAN
  __attribute__((no_sanitize("address"))) void disown_range(void* const* first, void* const* last) const noexcept {
    for (; first < last; ++first) {
      if (*first == nullptr) continue;
      __lsan_ignore_object(*first);
      // Most locals live on AddressSanitizer's fake stack, in a frame that the real frame points to.
      void *begin = nullptr, *end = nullptr;
      if (!here.fake_stack || !__asan_addr_is_in_fake_stack(here.fake_stack, *first, &begin, &end)) continue;
      for (auto* local = static_cast<void**>(begin); local < end; ++local) __lsan_ignore_object(*local);
    }
  }
#endif

  void* mapping_ = nullptr;
  std::size_t mapping_size_ = 0;
};

/// Fibers whose last thread has finished. Setting a stack up costs more than a short run does.
thread_local std::vector<std::unique_ptr<fiber>> idle_fibers;

/// The stores of one thread that the others do not see yet, oldest first.
class store_buffer {
 public:
  struct entry {
    void* cell = nullptr;  // null when the atomic died before its store got there
    std::size_t size = 0;
    std::array<unsigned char, 8> bytes{};
  };

  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] bool full() const noexcept { return count_ == capacity; }

  void push(void* cell, const void* value, std::size_t size) noexcept {
    entry& e = at(count_++);
    e.cell = cell;
    e.size = size;
    std::memcpy(e.bytes.data(), value, size);
  }
  void commit_oldest() noexcept {
    const entry& e = at(0);
    if (e.cell) std::memcpy(e.cell, e.bytes.data(), e.size);
    first_ = (first_ + 1) % capacity;
    --count_;
  }
  entry* newest_for(const void* cell) noexcept {
    for (std::size_t i = count_; i-- > 0;) {
      if (at(i).cell == cell) return &at(i);
    }
    return nullptr;
  }

 private:
  // As on hardware (42 entries on Haswell), more than the stores between two fences of any sane protocol.
  static constexpr std::size_t capacity = 32;

  entry& at(std::size_t i) noexcept { return entries_[(first_ + i) % capacity]; }

  std::array<entry, capacity> entries_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

struct model_thread {
  enum class state { runnable, asleep, finished };

  std::function<void()> body;
  std::size_t index;
  std::size_t weight;
  state now = state::runnable;
  const void* sleeps_on = nullptr;
  std::unique_ptr<fiber> stack;
  store_buffer stores;
};

}  // namespace

namespace detail {

class scheduler {
 public:
  scheduler(std::uint64_t seed, std::size_t step_limit)
      : seed_(seed),
        step_limit_(step_limit),
        random_(seed),
        // From every second step to every 64th, each on its own: rare switches with stores that linger are
        // other bugs than frequent switches on nearly sequential memory.
        switch_chance_(certain >> (1 + random_.below(6))),
        commit_chance_(certain >> (1 + random_.below(6))) {}

  void add(std::function<void()> body) {
    if (current_) throw std::logic_error("run::thread called in a model thread: add all threads before go()");
    auto t = std::make_unique<model_thread>();
    t->body = std::move(body);
    t->index = threads_.size();
    t->weight = std::size_t{1} << 2 * random_.below(3);  // so that some seeds starve a thread
    threads_.push_back(std::move(t));
  }

  void go();

  /// What a fiber does for each thread it is given.
  void run_current() {
    std::string thrown;
    try {
      current_->body();
    } catch (const std::exception& e) { thrown = std::string("threw ") + e.what(); } catch (...) {
      thrown = "threw something that is no std::exception";
    }
    if (!thrown.empty()) fail(thrown);
    // Others may run between the thread's last step and its end, while its last stores still linger.
    full_fence(action::finish);
    current_->now = model_thread::state::finished;
    leave();
  }

  void scheduling_point(action next) {
    count_step(static_cast<std::uint64_t>(next));
    const std::uint64_t dice = random_.next();
    if (dice % certain < commit_chance_) commit_any();
    if (dice / certain % certain < switch_chance_) switch_to_another();
  }

  void pause() {
    count_step(pausing);
    const std::uint64_t dice = random_.next();
    if (dice % 2 == 0) commit_any();  // the spinner may wait for a store that nothing else drives out
    if (dice / 2 % 8 != 0) switch_to_another();
  }

  void store(void* cell, const void* value, std::size_t size, bool drain_after) {
    scheduling_point(action::store);
    if (current_->stores.full()) commit(*current_);
    current_->stores.push(cell, value, size);
    ++buffered_;
    if (drain_after) drain(*current_);
  }

  const void* forwarded(const void* cell) {
    const auto* e = current_->stores.newest_for(cell);
    return e ? e->bytes.data() : nullptr;
  }

  void destroy(const void* cell) {
    if (buffered_ == 0) return;
    for (auto& t : threads_) {
      while (auto* e = t->stores.newest_for(cell)) {
        // Had the store happened before the destruction, whatever made it so would have driven it out.
        if (t.get() != current_)
          fail("destroyed an atomic that thread " + name(*t) + "'s store is still on its way to");
        e->cell = nullptr;
      }
    }
  }

  void full_fence(action kind) {
    scheduling_point(kind);
    drain(*current_);
  }

  void heavy_barrier() {
    full_fence(action::barrier);
    const std::size_t first = random_.below(threads_.size());
    for (std::size_t i = 0; i < threads_.size(); ++i) {
      model_thread& t = *threads_[(first + i) % threads_.size()];
      if (&t == current_) continue;
      scheduling_point(action::barrier);
      drain(t);
    }
  }

  void wait(const std::uint32_t& word, std::uint32_t expected) {
    full_fence(action::wait);
    if (word != expected) return;
    current_->now = model_thread::state::asleep;
    current_->sleeps_on = &word;
    leave();
  }

  void wake(const std::uint32_t& word, int count) {
    full_fence(action::wake);
    std::vector<model_thread*> sleepers;
    for (auto& t : threads_) {
      if (t->now == model_thread::state::asleep && t->sleeps_on == &word) sleepers.push_back(t.get());
    }
    for (; count > 0 && !sleepers.empty(); --count) {
      std::swap(sleepers[random_.below(sleepers.size())], sleepers.back());
      sleepers.back()->now = model_thread::state::runnable;
      sleepers.pop_back();
    }
  }

  bool fails_spuriously() { return random_.below(16) == 0; }

  [[noreturn]] void fail(std::string_view sentence);

  context& current_context() noexcept { return current_->stack->here; }
  const void* token() const noexcept { return current_; }
  std::uint64_t seed() const noexcept { return seed_; }
  std::size_t steps() const noexcept { return steps_; }
  std::uint64_t hash() const noexcept { return hash_; }
  bool finished() const noexcept {
    return std::all_of(threads_.begin(), threads_.end(),
                       [](auto& t) { return t->now == model_thread::state::finished; });
  }

 private:
  static constexpr std::uint64_t certain = 1 << 16;
  // What the hash knows besides the values of action.
  static constexpr std::uint64_t pausing = 16, committing = 17, resuming = 18;

  static std::string name(const model_thread& t) { return std::to_string(t.index); }

  void record(const model_thread& who, std::uint64_t what) noexcept {
    hash_ = (hash_ ^ (who.index << 8 | what)) * 0x100000001b3;  // FNV-1a, by words
    hash_ ^= hash_ >> 32;
  }

  void count_step(std::uint64_t what) {
    record(*current_, what);
    if (++steps_ > step_limit_) fail("livelock: no end after " + std::to_string(step_limit_) + " steps");
  }

  void commit(model_thread& t) noexcept {
    record(t, committing);
    t.stores.commit_oldest();
    --buffered_;
  }
  void drain(model_thread& t) noexcept {
    while (!t.stores.empty()) commit(t);
  }
  void commit_any() {
    if (buffered_ == 0) return;
    const auto has_stores = [](auto& t) { return !t->stores.empty(); };
    auto skip = random_.below(static_cast<std::size_t>(std::count_if(threads_.begin(), threads_.end(), has_stores)));
    for (auto& t : threads_) {
      if (has_stores(t) && skip-- == 0) return commit(*t);
    }
  }

  /// A runnable thread other than the current one, by weight; null if there is none.
  model_thread* pick() {
    const auto weight = [this](auto& t) {
      return t.get() != current_ && t->now == model_thread::state::runnable ? t->weight : 0;
    };
    std::size_t total = 0;
    for (auto& t : threads_) total += weight(t);
    if (total == 0) return nullptr;
    std::size_t rest = random_.below(total);
    for (auto& t : threads_) {
      if (rest < weight(t)) return t.get();
      rest -= weight(t);
    }
    return nullptr;
  }

  void resume(context& from, model_thread& next) {
    record(next, resuming);
    current_ = &next;
    switch_context(from, next.stack->here);
  }
  void switch_to_another() {
    context& here = current_->stack->here;
    if (model_thread* next = pick()) resume(here, *next);
  }
  /// The current thread sleeps or has finished. Returns when it is woken, or its fiber given a new thread.
  void leave();

  std::uint64_t seed_;
  std::size_t step_limit_;
  random_source random_;
  std::uint64_t switch_chance_;
  std::uint64_t commit_chance_;
  std::size_t steps_ = 0;
  std::uint64_t hash_ = 0xcbf29ce484222325;
  std::vector<std::unique_ptr<model_thread>> threads_;
  std::size_t buffered_ = 0;  // in all threads' buffers together
  model_thread* current_ = nullptr;
  context main_;
  std::string failure_;
};

namespace {

/// The exploration that runs on this OS thread, if one does.
thread_local scheduler* active = nullptr;

}  // namespace

void scheduler::go() {
  if (active) throw std::logic_error("run::go called in a model thread");
  for (auto& t : threads_) {
    if (t->now == model_thread::state::finished) continue;
    if (idle_fibers.empty()) {
      t->stack = std::make_unique<fiber>();
    } else {
      t->stack = std::move(idle_fibers.back());
      idle_fibers.pop_back();
    }
  }
#ifdef WEFT_TSAN
  main_.race_fiber = __tsan_get_current_fiber();
#endif
  active = this;
  if (model_thread* first = pick()) resume(main_, *first);
  active = nullptr;
  // It may have finished, and yet its fiber stands in fail(): a deadlock is found by who leaves last.
  const model_thread* failed = failure_.empty() ? nullptr : current_;
  current_ = nullptr;
  for (auto& t : threads_) {
    if (!t->stack) continue;
    if (t->now == model_thread::state::finished && t.get() != failed) {
      idle_fibers.push_back(std::move(t->stack));
    } else {
      t->stack->disown();
      t->stack.reset();
    }
  }
  if (!failure_.empty()) throw failure(seed_, failure_);
}

void scheduler::leave() {
  context& here = current_->stack->here;
  if (model_thread* next = pick()) return resume(here, *next);
  std::string asleep;
  for (auto& t : threads_) {
    if (t->now == model_thread::state::asleep) asleep += (asleep.empty() ? "" : ", ") + name(*t);
  }
  if (!asleep.empty()) fail("deadlock: asleep in futex_wait with nobody left to wake them: threads " + asleep);
  switch_context(here, main_);
}

void scheduler::fail(std::string_view sentence) {
  const std::string seed = std::to_string(seed_);
  std::string message = "seed " + seed + ", step " + std::to_string(steps_);
  if (current_) message += ", thread " + name(*current_);
  message.append(": ").append(sentence).append("; to replay it, set WEFT_SEED=" + seed);
  if (!current_) throw failure(seed_, message);
  failure_ = std::move(message);
  switch_context(current_->stack->here, main_);
  std::abort();  // nobody resumes a thread of a failed run
}

void scheduling_point(action next) noexcept {
  if (active) active->scheduling_point(next);
}
const void* forwarded(const void* cell) noexcept { return active ? active->forwarded(cell) : nullptr; }
void store(void* cell, const void* value, std::size_t size, bool drain) noexcept {
  if (active) {
    active->store(cell, value, size, drain);
  } else {
    std::memcpy(cell, value, size);
  }
}
void begin_rmw() noexcept {
  if (active) active->full_fence(action::rmw);
}
bool fails_spuriously() noexcept { return active && active->fails_spuriously(); }
void destroy(const void* cell) noexcept {
  if (active) active->destroy(cell);
}
void full_fence() noexcept {
  if (active) active->full_fence(action::barrier);
}
void heavy_barrier() noexcept {
  if (active) active->heavy_barrier();
}
void pause() noexcept {
  if (active) active->pause();
}
void futex_wait(const std::uint32_t& word, std::uint32_t expected) {
  if (active) return active->wait(word, expected);
  if (word == expected) throw std::logic_error("futex_wait in the main context: nobody runs who could wake it");
}
void futex_wake(const std::uint32_t& word, int count) noexcept {
  if (active) active->wake(word, count);
}
const void* thread_token() noexcept {
  static const char main_token = 0;
  return active ? active->token() : &main_token;
}

}  // namespace detail

namespace {

void fiber_main() {
  // The scheduler changes between two threads of this fiber, and with it what `active` names.
  arrive(detail::active->current_context());
  for (;;) detail::active->run_current();
}

}  // namespace

run::run(std::uint64_t seed, std::size_t step_limit)
    : scheduler_(std::make_unique<detail::scheduler>(seed, step_limit)) {}
run::~run() = default;

void run::thread(std::function<void()> body) { scheduler_->add(std::move(body)); }
void run::go() { scheduler_->go(); }
void run::require(bool condition, std::string_view sentence) {
  if (!condition) scheduler_->fail(sentence);
}
std::uint64_t run::seed() const noexcept { return scheduler_->seed(); }
std::size_t run::steps() const noexcept { return scheduler_->steps(); }
std::uint64_t run::hash() const noexcept { return scheduler_->hash(); }
bool run::finished() const noexcept { return scheduler_->finished(); }

namespace {

void explore_seed(std::uint64_t seed, const options& how, const std::function<void(run&)>& body) {
  run r(seed, how.step_limit);
  try {
    body(r);
  } catch (const failure&) { throw; } catch (const std::exception& e) {
    r.require(false, std::string("the body threw ") + e.what());
  }
  r.require(r.finished(), "the body added threads and never called go()");
}

}  // namespace

void explore(const options& how, const std::function<void(run&)>& body) {
  if (const auto only = number_in_environment("WEFT_SEED", "a seed")) return explore_seed(*only, how, body);
  const std::uint64_t seeds = number_in_environment("WEFT_SEEDS", "how many seeds to run").value_or(how.seeds);
  for (std::uint64_t i = 0; i < seeds; ++i) explore_seed(how.first_seed + i, how, body);
}

std::optional<failure> find_failure(const options& how, const std::function<void(run&)>& body) {
  try {
    for (std::uint64_t i = 0; i < how.seeds; ++i) explore_seed(how.first_seed + i, how, body);
  } catch (const failure& f) { return f; }
  return std::nullopt;
}

}  // namespace weft::test::interleave
