#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define WEFT_POOLED_FRAMES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT_POOLED_FRAMES 0
#endif
#endif
#ifndef WEFT_POOLED_FRAMES
#define WEFT_POOLED_FRAMES 1
#endif

namespace weft::detail {

/// Memory for coroutine frames: for each thread a freelist for each size class of 64 bytes, up to 2 KiB.
///
/// A frame may be freed on another thread than the one that made it. So a thread keeps at most `class_limit`
/// bytes of a class, hands batches beyond that to a depot that all threads share, and takes batches back from
/// there: a producer and a consumer on two threads cycle the same frames. The depot keeps 64 MiB at most. Under the
/// address sanitizer frames come straight from the heap, so that it sees their ends.
struct frame_node {
  frame_node* next;
};

struct frame_cache {
  static constexpr std::size_t granule = 64;
  static constexpr std::size_t classes = 32;
  static constexpr std::uint32_t class_limit = 64 * 1024;

  frame_node* free[classes + 1];
  std::uint32_t room[classes + 1];  // how many more frames the list takes before a batch goes to the depot
};

extern constinit thread_local frame_cache local_frames;

void* refill_frames(std::size_t size_class);
void overflow_frame(void* frame, std::size_t size_class) noexcept;

inline void* allocate_frame(std::size_t size) {
#if WEFT_POOLED_FRAMES
  const std::size_t size_class = (size + frame_cache::granule - 1) / frame_cache::granule;
  if (size_class > frame_cache::classes) [[unlikely]]
    return ::operator new(size);
  frame_cache& cache = local_frames;
  frame_node* node = cache.free[size_class];
  if (!node) [[unlikely]]
    return refill_frames(size_class);
  cache.free[size_class] = node->next;
  ++cache.room[size_class];
  return node;
#else
  return ::operator new(size);
#endif
}

inline void release_frame(void* frame, std::size_t size) noexcept {
#if WEFT_POOLED_FRAMES
  const std::size_t size_class = (size + frame_cache::granule - 1) / frame_cache::granule;
  if (size_class > frame_cache::classes) [[unlikely]]
    return ::operator delete(frame);
  frame_cache& cache = local_frames;
  if (cache.room[size_class] == 0) [[unlikely]]
    return overflow_frame(frame, size_class);
  --cache.room[size_class];
  cache.free[size_class] = ::new (frame) frame_node{cache.free[size_class]};
#else
  static_cast<void>(size);
  ::operator delete(frame);
#endif
}

}  // namespace weft::detail
