// Stacks of npy files: a folder with one file for each chunk along an axis, as Dask has them.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "array/file_chunks.hpp"
#include "array/layered.hpp"
#include "array/names.hpp"
#include "array/npy.hpp"
#include "array/npy_array.hpp"
#include "array/source.hpp"
#include "array/stack_info.hpp"
#include "array/storing.hpp"
#include "array/unfinished.hpp"
#include "array/writers.hpp"
#include "array/zarr_folder.hpp"
#include "weft/blocking.hpp"
#include "weft/detail/array/files.hpp"
#include "weft/detail/array/gathers.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

namespace fs = std::filesystem;

/// A stack as its tasks know it. Chunk number i along the axis is file i; along others there is one chunk.
struct stack_place {
  std::string folder;
  grid chunks;
  weft::shape first = {}, counts = {};  // the box of chunks that are read
  std::uint32_t axis = 0;
  element of = {};
  std::uint64_t writing = 0;  // the number of the tasks that write it
};
void weft_encode(encoder& e, const stack_place& p) {
  weft::encode(e, p.folder);
  weft::encode(e, p.chunks);
  weft::encode(e, p.first);
  weft::encode(e, p.counts);
  weft::encode(e, p.axis);
  weft::encode(e, p.of);
  weft::encode(e, p.writing);
}
stack_place weft_decode(decoder& d, std::type_identity<stack_place>) {
  stack_place p{weft::decode<std::string>(d), weft::decode<grid>(d)};
  p.first = weft::decode<weft::shape>(d);
  p.counts = weft::decode<weft::shape>(d);
  p.axis = weft::decode<std::uint32_t>(d);
  p.of = weft::decode<element>(d);
  p.writing = weft::decode<std::uint64_t>(d);
  constexpr const char* what = "an array's stack of files";
  if (!is_box_of(p.chunks, p.first, p.counts)) d.fail(what, "its box is not in its chunks");
  if (p.axis >= p.chunks.rank || !is_number(p.of)) d.fail(what, "its axis or its elements are impossible");
  if (!bytes_of(extents_of(p.chunks), p.of.item)) d.fail(what, "it is too large");
  return p;
}

std::string file_of(const std::string& folder, std::int64_t i) { return folder + "/" + std::to_string(i) + ".npy"; }

task<block> read_stack_chunk(shared<stack_place> where, std::size_t j) {
  const coordinates at = place_in_box(j, where->first, where->counts);
  chunk_box b = box_of(where->chunks, at, where->of.item);
  block result(where->of, where->chunks.chunk(at));
  if (result.count() == 0) co_return result;
  const std::string path = file_of(where->folder, at[where->axis]);
  file f = co_await file::open(path);
  const npy_header h = co_await read_npy_header(f);
  const std::optional<item_type> type = item_type_of(where->of, h.type.swapped);
  if (!type || !(*type == h.type) || h.shape != b.extents)
    throw std::runtime_error("weft: " + path + " has " + to_string(h.type) + " of shape " +
                             weft::to_string(extents_from(h.shape)) + ", where info says " +
                             weft::to_string(where->of.type) + " of shape " + weft::to_string(result.extents()));
  std::fill(b.first.begin(), b.first.end(), std::size_t{0});
  co_await read_npy_box(f, h, b.first, b.extents, result.bytes().data(), b.steps);
  co_return result;
}

/// The file `own`, which is called `path` then.
task<> write_stack_file(const std::string& own, const std::string& path, npy_header& h, const chunk_box& b,
                        const block& from) {
  file f = co_await create_npy(own, h);
  if (from.count() != 0) co_await write_npy_box(f, h, b.first, b.extents, from.bytes().data(), b.steps);
  co_await f.close();
  const auto rename = [&] { fs::rename(own, path); };
  co_await blocking(rename);
}

/// b must live until it is written.
task<nothing> write_stack_chunk(shared<stack_place> where, std::size_t j, const block& from) {
  const coordinates at = place_in_box(j, where->first, where->counts);
  chunk_box b = box_of(where->chunks, at, where->of.item);
  check_own(from, where->of, where->chunks.chunk(at));
  const writing here(where->writing);
  npy_header h;
  h.type = item_type_of(where->of, false).value();
  h.shape = b.extents;
  // A task may run twice, and the first time end last: each has a file of its own until it is whole.
  const std::string path = file_of(where->folder, at[where->axis]);
  const std::string own = path + "." + number_in_name(number_of_writing());
  std::fill(b.first.begin(), b.first.end(), std::size_t{0});
  task<> write = write_stack_file(own, path, h, b, from);
  co_await written_or_removed(own, std::move(write));
  co_return nothing();
}

struct read_stack_task {
  shared<stack_place> where;
  std::uint64_t result_bytes(std::size_t j) const noexcept {
    return bytes_of_chunk(where->chunks, where->first, where->counts, j, where->of.item);
  }
  task<block> operator()(std::size_t j) const { return read_stack_chunk(where, j); }
  std::string task_name() const { return "read-file"; }
  std::string task_subject(std::size_t j) const { return name_of_chunk(j, where->first, where->counts); }
};
struct write_stack_task {
  shared<stack_place> where;
  std::string name;
  task<nothing> operator()(std::size_t j, const block& b) const { return write_stack_chunk(where, j, b); }
  std::string task_name() const { return "write-file"; }
  std::string task_subject(std::size_t j) const {
    return subject_of_write(name_of_chunk(j, where->first, where->counts), name);
  }
};

struct stack_node final : layered_node, reads_place, has_source {
  stack_node(client c, stack_place p) : layered_node(std::move(c), p.of, p.chunks, {}), where(std::move(p)) {}
  box reads(std::size_t, const box&) const override { return {}; }
  any_code<chunk_source> source() const override { return source_of<read_stack_task>::code_of(where); }
  bool spell(encoder& e) const override {
    weft::encode(e, where);
    return true;
  }
  std::string place_read() const override { return spelled_alike(where.folder); }
  std::vector<std::string> things_read() const override {
    std::vector<std::string> files;
    for (std::int64_t i = 0; i < where.chunks.axes[where.axis].count(); ++i)
      files.push_back(to_string(number_of_file(file_of(where.folder, i))));
    return files;
  }
  layer<block> lay(const box& tasks, std::span<const layer<block>>, std::span<const box>) const override {
    stack_place own = where;
    own.first = tasks.first;
    own.counts = tasks.counts;
    return layer_of(tasks.tasks(), read_stack_task{shared<stack_place>(std::move(own))});
  }
  const stack_place where;
};

/// x in one chunk along the axes that are not stacked.
array_ref in_stack(array_ref x, std::size_t axis) {
  std::vector<std::vector<std::int64_t>> sizes(x->chunks.rank);
  for (std::size_t a = 0; a < sizes.size(); ++a)
    if (a != axis && x->chunks.axes[a].count() != 1) sizes[a] = {x->chunks.axes[a].extent};
  return rechunked(std::move(x), sizes);
}

stack_info info_of(const grid& chunks, std::size_t axis, item_type type) {
  stack_info info;
  info.axis = axis;
  info.type = type;
  for (std::size_t a = 0; a < chunks.rank; ++a) {
    std::vector<std::int64_t>& sizes = info.chunks.emplace_back();
    for (std::int64_t i = 0; i < chunks.axes[a].count(); ++i) sizes.push_back(chunks.axes[a].size(i));
  }
  return info;
}

/// `3.npy`
bool is_of_chunk(const fs::path& name) {
  return name.extension() == ".npy" && name.stem().string().find_first_not_of("0123456789") == std::string::npos;
}
/// `3.npy.00f1e2d3c4b5a697`, to which a task writes, or has when it was given up.
bool is_unfinished_chunk(const fs::path& name) {
  const std::string number = name.extension().string();
  return number.size() == 1 + number_in_name(0).size() && is_of_chunk(name.stem()) &&
         number.find_first_not_of("0123456789abcdef", 1) == std::string::npos;
}
/// Removes files of such names from a folder.
template <class Is>
void remove_files(const fs::path& folder, const Is& is) noexcept {
  std::error_code ignored;  // that it cannot be removed is less than what has happened
  std::vector<fs::path> files;
  for (fs::directory_iterator i(folder, ignored), end; !ignored && i != end; i.increment(ignored))
    if (is(i->path().filename())) files.push_back(i->path());
  for (const fs::path& f : files) fs::remove(f, ignored);
}
/// Removes a stack's files, and its folder where there is nothing else in it.
void remove_stack(const fs::path& folder) noexcept {
  remove_files(folder,
               [](const fs::path& name) { return is_of_chunk(name) || is_unfinished_chunk(name) || name == "info"; });
  std::error_code ignored;
  fs::remove(folder, ignored);
}

task<> write_info(const std::string& folder, const stack_info& info) {
  const std::vector<std::byte> bytes = make_stack_info(info);
  file f = co_await file::open(folder + "/info", {.mode = access::write, .create = true, .exclusive = true});
  co_await f.write_full_at(0, bytes);
  co_await f.close();
}

class stack_job final : public storing_job {
 public:
  stack_job(array_ref x, const std::string& path, std::int64_t along)
      : storing_job(std::move(x), path), axis_(checked_axis(along, x_->chunks)), type_(type_to_write(*x_, path)) {
    x_ = in_stack(std::move(x_), axis_);
  }

  task<> begin(std::uint64_t number, std::uint64_t own) override {
    number_ = number;
    unfinished_ = unfinished_beside(name(), own);
    const auto make_place = [&] {
      if (fs::exists(name()) && !(fs::is_directory(name()) && fs::is_empty(name())))
        throw std::runtime_error("weft: " + name() + " is there already: remove it, or write the stack elsewhere");
      for (const fs::path& left : all_unfinished_beside(name())) remove_stack(left);
      fs::create_directory(unfinished_);
    };
    co_await blocking(make_place);
  }
  layer<nothing> writes(layer<block> chunks) override {
    stack_place where = place_at(unfinished_);
    where.writing = number_;
    return writes_of_all<write_stack_task>(std::move(where), std::move(chunks), name());
  }
  task<> finish() override {
    if (!fs::exists(unfinished_)) throw_taken_away(name(), unfinished_);
    remove_files(unfinished_, &is_unfinished_chunk);  // whoever writes to one yet is late: the chunk is there
    co_await write_info(unfinished_, info_of(x_->chunks, axis_, type_));
    fs::rename(unfinished_, name());
  }
  task<> give_up(bool) override {
    remove_stack(unfinished_);
    co_return;
  }
  task<array_ref> open() const override { co_return std::make_shared<const stack_node>(x_->owner, place_at(name())); }

 private:
  stack_place place_at(const std::string& folder) const {
    stack_place where{folder, x_->chunks};
    where.axis = static_cast<std::uint32_t>(axis_);
    where.of = x_->of;
    return where;
  }

  const std::size_t axis_;
  const item_type type_;
  std::string unfinished_;
  std::uint64_t number_ = 0;
};

class stack_kind final : public target_kind {
 public:
  stack_kind(std::string path, std::int64_t axis) : path_(std::move(path)), axis_(axis) {}
  std::shared_ptr<storing_job> job_for(array_ref x) const override {
    return std::make_shared<stack_job>(std::move(x), path_, axis_);
  }
  target_ref part(std::vector<index_item>) const override {
    throw misuse("weft: a region of " + path_ + ", a stack of files: store it in a file of one array, or in a store");
  }

 private:
  const std::string path_;
  const std::int64_t axis_;
};

}  // namespace

task<array_ref> open_npy_stack(client c, std::string path, element e, std::size_t rank) {
  const std::string folder = folder_of(path).string(), name = folder + "/info";
  file f = co_await file::open(name);
  const std::uint64_t size = co_await f.size();
  if (size > most_stack_info)
    throw std::runtime_error("weft: " + name + " has " + std::to_string(size) + " bytes, and may have " +
                             std::to_string(most_stack_info));
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  bytes.resize(co_await f.read_full_at(0, bytes));
  const stack_info info = parse_stack_info(bytes, name);
  const std::optional<item_type> wanted = item_type_of(e, info.type.swapped);
  if (!wanted || !(*wanted == info.type))
    throw misuse("weft: " + path + " has elements of type " + to_string(info.type) + ", and is read as an array of " +
                 weft::to_string(e.type) + ": read it as what it is, and use astype<>");
  if (info.chunks.size() > most_axes || (rank != dynamic_rank && rank != info.chunks.size()))
    throw misuse("weft: " + path + " has an array of " + std::to_string(info.chunks.size()) +
                 " axes, and is read as one of " + (rank == dynamic_rank ? "at most 8" : std::to_string(rank)));
  // Dask may say of other axes how they were cut before; in the files they are whole.
  std::vector<std::vector<std::int64_t>> sizes = info.chunks;
  for (std::size_t a = 0; a < sizes.size(); ++a) {
    std::int64_t whole = 0;
    for (const std::int64_t n : sizes[a])
      if (__builtin_add_overflow(whole, n, &whole))
        throw std::runtime_error("weft: " + name + " has an impossible axis");
    if (a != info.axis) sizes[a] = {whole};
  }
  stack_place where{folder, grid_of_sizes(sizes.size(), sizes, e.item)};
  where.axis = static_cast<std::uint32_t>(info.axis);
  where.of = e;
  co_return std::make_shared<const stack_node>(std::move(c), std::move(where));
}

target_ref npy_stack_target(std::string path, std::int64_t axis) {
  return std::make_shared<const stack_kind>(folder_of(path).string(), axis);
}

}  // namespace weft::detail::arrays
