#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "array/file_region.hpp"
#include "array/layered.hpp"
#include "env/owned_descriptor.hpp"
#include "weft/detail/array/storing.hpp"
#include "weft/detail/results.hpp"
#include "weft/layer.hpp"
#include "weft/task.hpp"

namespace weft::detail::arrays {

/// The path without links, dots and spare separators, as far as it is there.
std::string spelled_alike(const std::string& path);

/// Which file or folder a path leads to, by the numbers that this machine has for it; nulls where it leads nowhere.
struct file_number {
  std::uint64_t device = 0, inode = 0;
  friend bool operator==(const file_number&, const file_number&) = default;
};
/// Blocks.
file_number number_of_file(const std::string& path);
/// `file 2049:131077`; empty where it leads nowhere.
std::string to_string(file_number f);
/// Keeps what a path leads to from going while it lives, so that no other file or folder is given that number, which
/// file systems give again at once.
class held_file {
 public:
  /// Blocks. Nothing is held where the path leads nowhere.
  explicit held_file(const std::string& path);
  file_number number() const noexcept { return number_; }
  /// Its number is as it was from here on, and may be another file's.
  void let_go() noexcept { held_ = owned_descriptor(); }

 private:
  owned_descriptor held_;
  file_number number_;
};
/// One for all who hold it at a time, so that regions of one file take one descriptor, however many they are.
std::shared_ptr<const held_file> hold_file(const std::string& path);
/// The same on a thread beside the pool.
task<std::shared_ptr<const held_file>> hold_file_beside(std::string path);
/// Of a region whose place is another one in the end than when it was looked at.
[[noreturn]] void throw_written_anew(const std::string& name);

/// What nodes are besides whose tasks read a file.
class reads_place {
 public:
  virtual ~reads_place() = default;
  /// As storing_job::place has it. May block.
  virtual std::string place_read() const = 0;
  /// As storing_job::thing has it, of all that the tasks read. May block.
  virtual std::vector<std::string> things_read() const = 0;
};

/// Tasks that write all chunks of a place, one for each: Task is of the shared place and what errors call it.
template <class Task, class Place>
layer<nothing> writes_of_all(Place where, layer<block> chunks, const std::string& name) {
  const box all = box::all_of(where.chunks);
  where.first = all.first;
  where.counts = all.counts;
  const std::size_t n = where.chunks.tasks();
  return layer_of(n, Task{shared<Place>(std::move(where)), name}, weft::from(std::move(chunks), one_to_one{}));
}

/// An array on its way to its place, in one call. The calls come in this order; begin may fail, and nothing comes
/// between it and give_up then.
class storing_job {
 public:
  storing_job(array_ref x, std::string name) : x_(std::move(x)), name_(std::move(name)) {}
  storing_job(const storing_job&) = delete;
  storing_job& operator=(const storing_job&) = delete;
  virtual ~storing_job() = default;

  /// What errors call the place.
  const std::string& name() const noexcept { return name_; }
  /// In the chunks in which it is written, from begin on.
  const array_ref& array() const noexcept { return x_; }
  /// Whether no other job of a call may have that name.
  virtual bool is_own_place() const noexcept { return true; }
  /// The same text for the same place, however it was spelled. Asks the file system, and blocks.
  virtual std::string place() const { return spelled_alike(name_); }
  /// The same text for the same thing that is there, by whatever name, as links to one file are. Known of regions,
  /// from begin on; empty otherwise.
  virtual std::string thing() const { return {}; }
  /// Whether what has the place `other` can only be there where this job's `own` is a folder, or a group.
  virtual bool is_in_the_way_of(const std::string& /*other*/, const std::string& /*own*/) const { return false; }
  /// The part of what is there; none: all of it.
  virtual const file_region* region() const noexcept { return nullptr; }
  /// Whether tasks write where others look, so that one that could not be reached may do so after the end.
  virtual bool is_written_in_place() const noexcept { return region() != nullptr; }

  /// Makes room for what tasks of the number `writing` write. `own` is the number of this job alone, for the names of
  /// what is unfinished: of two jobs that turn out to have one place, neither writes to the other's.
  virtual task<> begin(std::uint64_t writing, std::uint64_t own) = 0;
  /// Tasks that write these chunks, one for each.
  virtual layer<nothing> writes(layer<block> chunks) = 0;
  /// All chunks are written: does what takes long before it may have its name, for all jobs before the first has its
  /// own. A stop may end it.
  virtual task<> settle() { co_return; }
  /// Gives it its name.
  virtual task<> finish() = 0;
  /// Takes away what begin has made, as far as it can. `certain`: no task writes there any more.
  virtual task<> give_up(bool certain) = 0;
  /// Throws misuse where no array can be read from the place, whatever happens.
  virtual void check_opens() const {}
  /// The array that is there now.
  virtual task<array_ref> open() const = 0;

 protected:
  array_ref x_;

 private:
  const std::string name_;
};

using storing_jobs = std::vector<std::shared_ptr<storing_job>>;

/// Throws misuse where two of them write to the same elements, as far as it is known.
void check_apart(const storing_jobs& jobs);

/// Several layers as one, as side_by_side has it, of tasks that give nothing: however many layers there are.
layer<nothing> in_one_layer(std::vector<layer<nothing>> layers);

/// `chunk (3, 0) for x.npy`: what a task writes.
std::string subject_of_write(std::string chunk, const std::string& name);

}  // namespace weft::detail::arrays
