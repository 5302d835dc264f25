#include "weft/detail/frame.hpp"

#include <mutex>
#include <utility>

#include "weft/detail/memory.hpp"

namespace weft::detail {

constinit thread_local frame_cache local_frames{};

namespace {

constexpr std::size_t bytes(std::size_t size_class) { return size_class * frame_cache::granule; }
constexpr std::uint32_t most(std::size_t size_class) {
  return static_cast<std::uint32_t>(frame_cache::class_limit / bytes(size_class));
}
constexpr std::uint32_t batch(std::size_t size_class) { return most(size_class) / 2; }

/// Batches of frames on their way between threads. A batch is a list; its second node's memory is free to
/// link batches (a batch has sixteen frames at least).
struct depot {
  short_lock lock;
  frame_node* batches[frame_cache::classes + 1] = {};
  std::size_t kept = 0;
  static constexpr std::size_t limit = std::size_t{64} << 20;

  static frame_node*& link(frame_node* head) noexcept {
    return reinterpret_cast<frame_node**>(head->next)[1];  // a frame has room for eight words
  }
  /// False when it is full: the frames are the caller's still.
  bool put(frame_node* head, std::size_t size_class) noexcept {
    std::lock_guard guard(lock);
    const std::size_t more = bytes(size_class) * batch(size_class);
    if (kept + more > limit) return false;
    kept += more;
    link(head) = batches[size_class];
    batches[size_class] = head;
    return true;
  }
  frame_node* take(std::size_t size_class) noexcept {
    std::lock_guard guard(lock);
    frame_node* head = batches[size_class];
    if (!head) return nullptr;
    batches[size_class] = link(head);
    kept -= bytes(size_class) * batch(size_class);
    return head;
  }
};
constinit depot shared;

/// Gives a thread's frames back when it ends. Frames that are freed on the thread after this go to the depot
/// one batch at a time as always; what is then left over, at most a batch a class, is lost with the thread.
struct end_of_thread {
  ~end_of_thread() {
    for (std::size_t c = 1; c <= frame_cache::classes; ++c) {
      while (frame_node* n = local_frames.free[c]) {
        local_frames.free[c] = n->next;
        ::operator delete(n);
      }
      local_frames.room[c] = 0;
    }
  }
};

thread_local bool known_to_end = false;

void mark_thread() {
  thread_local end_of_thread at_exit;
  static_cast<void>(at_exit);
  known_to_end = true;
}

}  // namespace

[[gnu::noinline]] void* refill_frames(std::size_t size_class) {
  if (!known_to_end) mark_thread();
  frame_cache& cache = local_frames;
  if (frame_node* b = shared.take(size_class)) {
    cache.free[size_class] = b->next;
    cache.room[size_class] = most(size_class) - (batch(size_class) - 1);
    return b;
  }
  // Not counted against the room: it will be when it is freed.
  if (cache.room[size_class] == 0) cache.room[size_class] = most(size_class);
  return ::operator new(bytes(size_class));
}

[[gnu::noinline]] void overflow_frame(void* frame, std::size_t size_class) noexcept {
  if (!known_to_end) mark_thread();
  frame_cache& cache = local_frames;
  frame_node* head = ::new (frame) frame_node{cache.free[size_class]};
  if (!head->next) {  // the thread's first: nothing is cached yet
    cache.room[size_class] = most(size_class) - 1;
    cache.free[size_class] = head;
    return;
  }
  frame_node* last = head;
  for (std::uint32_t i = 1; i < batch(size_class); ++i) last = last->next;
  cache.free[size_class] = last->next;
  last->next = nullptr;
  cache.room[size_class] = batch(size_class) - 1;
  if (shared.put(head, size_class)) return;
  while (head) ::operator delete(std::exchange(head, head->next));
}

}  // namespace weft::detail
