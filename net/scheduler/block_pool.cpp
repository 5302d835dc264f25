#include "scheduler/block_pool.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <string>

namespace weft::net {

// Classes 0, 1, 2, … are of 1, 2, 3, 4, 6, 8, 12, 16 … units: from 2 on, a power of two and one and a half of it.
unsigned block_pool::class_of(std::size_t units) noexcept {
  if (units <= 2) return units <= 1 ? 0 : 1;
  const auto log = static_cast<unsigned>(std::bit_width(units - 1)) - 1;  // 2^log < units <= 2^(log + 1)
  const bool half = units <= (std::size_t{3} << (log - 1));
  return half ? 2 * log : 2 * log + 1;
}

std::size_t block_pool::units_of(unsigned size_class) noexcept {
  if (size_class < 2) return size_class + 1;
  const unsigned log = size_class / 2;
  return size_class % 2 ? std::size_t{2} << log : std::size_t{3} << (log - 1);
}

std::size_t block_pool::capacity(std::size_t bytes) noexcept {
  if (bytes > most_small) return bytes;
  return units_of(class_of((bytes + unit - 1) / unit)) * unit;
}

block_pool::ref block_pool::allocate(std::size_t bytes) {
  if (bytes > most_small) return allocate_alone(bytes);
  const unsigned c = class_of((bytes + unit - 1) / unit);
  const std::size_t units = units_of(c);
  ref block = free_[c];
  if (block != none) {
    std::memcpy(&free_[c], at(block), sizeof(ref));
  } else {
    if (chunk_units - next_ < units) {
      if (chunks_.size() >= chunks_limit_) return allocate_alone(units * unit);
      chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(chunk_units * unit));
      next_ = 0;
    }
    block = static_cast<ref>((chunks_.size() - 1) << chunk_bits | next_);
    next_ += units;
  }
  ++live_;
  used_ += units * unit;
  return block;
}

block_pool::ref block_pool::allocate_alone(std::size_t bytes) {
  auto memory = std::make_unique_for_overwrite<std::byte[]>(bytes);
  ref index;
  if (large_free_.empty()) {
    if (large_.size() >= large_limit_)
      throw std::length_error("weft: the scheduler has " + std::to_string(large_.size()) +
                              " blocks of memory of their own, as many as it can name: lower scheduler.most_tasks");
    index = static_cast<ref>(large_.size());
    // Who frees a block allocates nothing.
    if (large_free_.capacity() <= large_.size()) large_free_.reserve(std::max<std::size_t>(16, 2 * large_.size()));
    large_.push_back(std::move(memory));
  } else {
    index = large_free_.back();
    large_free_.pop_back();
    large_[index] = std::move(memory);
  }
  ++live_;
  large_bytes_ += bytes;
  return index | large_bit;
}

void block_pool::free(ref block, std::size_t bytes) noexcept {
  if (block & large_bit) {
    large_[block & ~large_bit].reset();
    large_free_.push_back(block & ~large_bit);
    large_bytes_ -= capacity(bytes);
  } else {
    const unsigned c = class_of((bytes + unit - 1) / unit);
    std::memcpy(at(block), &free_[c], sizeof(ref));
    free_[c] = block;
    used_ -= units_of(c) * unit;
  }
  if (--live_ == 0) reset();
}

void block_pool::reset() noexcept {
  free_ = filled();
  if (chunks_.size() > 1) chunks_.resize(1);
  next_ = chunks_.empty() ? chunk_units : 0;
  large_.clear();
  large_free_.clear();
}

}  // namespace weft::net
