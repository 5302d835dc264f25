// Datasets of HDF5 files as places for arrays.
#include <algorithm>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "array/file_chunks.hpp"
#include "array/hdf5_array.hpp"
#include "array/hdf5_file.hpp"
#include "array/hdf5_pieces.hpp"
#include "array/hdf5_room.hpp"
#include "array/npy_array.hpp"
#include "array/storing.hpp"
#include "array/unfinished.hpp"
#include "weft/array/hdf5.hpp"
#include "weft/checkpoint.hpp"
#include "weft/errors.hpp"
#include "weft/stop.hpp"

namespace weft::detail::arrays {

namespace {

namespace fs = std::filesystem;

/// Whether all chunks along each axis are of one size, but for a shorter last one.
bool is_regular(const grid& g) {
  for (std::uint32_t a = 0; a < g.rank; ++a)
    if (g.axes[a].table || (g.axes[a].count() > 1 && g.axes[a].lead != g.axes[a].chunk)) return false;
  return true;
}

/// How an array is to lie in its file. Throws misuse for options that HDF5 cannot follow.
hdf5_storage storage_for(const array_node& x, const std::string& name, const hdf5_options& how) {
  if (how.deflate < 0 || how.deflate > 9)
    throw misuse("weft: " + name + " is to be deflated at level " + std::to_string(how.deflate) +
                 ": give 1 (fast) to 9 (small), or 0 for none");
  hdf5_storage s;
  s.level = how.deflate;
  if (how.shuffle) s.filters.push_back(hdf5_filter::shuffle);
  if (how.deflate != 0) s.filters.push_back(hdf5_filter::deflate);
  if (how.chunk.size() == 0 && s.filters.empty()) return s;
  const weft::shape whole = x.chunks.whole();
  if (whole.size() == 0)
    throw misuse("weft: " + name +
                 " is to be of shape (), and in chunks or through filters, which HDF5 has of arrays with axes alone: "
                 "store it without");
  weft::shape chunk = how.chunk;
  if (chunk.size() == 0) {
    chunk = is_regular(x.chunks) ? x.chunks.largest() : weft::shape::of_rank(whole.size());
    for (std::size_t a = 0; is_regular(x.chunks) && a < chunk.size(); ++a)
      chunk[a] = std::max<std::int64_t>(chunk[a], 1);
  }
  const grid g = make_grid(whole, chunk, creation().bytes, x.of.item);
  for (std::uint32_t a = 0; a < g.rank; ++a) s.chunk.push_back(static_cast<std::size_t>(g.axes[a].chunk));
  return s;
}

task<array_ref> open_dataset(client c, std::string path, std::string dataset, element e, creation how) {
  return open_hdf5(std::move(c), std::move(path), std::move(dataset), e, dynamic_rank, how);
}

void make_folder(const std::string& folder) {
  std::error_code error;
  if (!fs::create_directory(folder, error))
    throw std::system_error(error ? error : std::make_error_code(std::errc::file_exists),
                            "weft: cannot make the folder " + folder);
}
void remove_now(const std::string& folder) {
  std::error_code ignored;  // that it cannot be removed is less than what has happened
  fs::remove_all(folder, ignored);
}
task<> remove_folder(std::string folder) {
  const auto remove = [&] { remove_now(folder); };
  co_await blocking(remove);
}

/// Has HDF5 take in all pieces. A stop that reaches it ends it between two openings of the file; none reaches it from
/// where a region is finished, as a part of what is there would be changed then, and a part not.
task<> take_in_all(const hdf5_goal& to, const hdf5_pieces& from) {
  std::size_t next = 0;
  const auto take_in = [&] { next = take_in_hdf5_pieces(to, from, next); };
  while (next < from.chunks.tasks()) {
    co_await checkpoint();
    task<> some = when_free(take_in);
    co_await shield(std::move(some));
  }
  co_await remove_folder(from.folder);
}

/// A dataset under a name of its own until it is whole. No stop ends what is done to the file itself: it has been
/// done, or not. Where it is in one piece tasks write to the file; to one in chunks, or where others use what is free
/// in the file, they leave pieces in a folder, and HDF5 takes these in.
class new_dataset_job final : public storing_job {
 public:
  new_dataset_job(array_ref x, const std::string& path, const std::string& dataset, bool overwrite, hdf5_storage how)
      : storing_job(std::move(x), name_of_hdf5(path, dataset)),
        path_(path),
        dataset_(dataset),
        type_(type_to_write(*x_, path)),
        how_(std::move(how)),
        overwrite_(overwrite) {
    if (!how_.chunk.empty()) x_ = in_chunks_of(std::move(x_), extents_from(how_.chunk));
  }

  std::string place() const override { return place_of_dataset(path_, dataset_); }
  bool is_in_the_way_of(const std::string& other, const std::string& own) const override {
    return other.starts_with(own + "%2F");
  }

  task<> begin(std::uint64_t number, std::uint64_t own) override {
    number_ = number;
    task<> making = make_room(own);
    co_await shield(std::move(making));
    in_pieces_ = !how_.chunk.empty() || room_->free_is_used;
    if (in_pieces_) co_await begin_pieces(own);
  }
  layer<nothing> writes(layer<block> chunks) override {
    if (in_pieces_) return writes_of_all<write_hdf5_task>(pieces_, std::move(chunks), name());
    npy_place where{path_, x_->chunks};
    where.offset = room_->offset;
    where.of = x_->of;
    where.writing = number_;
    return writes_to_file(std::move(where), std::move(chunks), name());
  }
  task<> settle() override {
    if (!in_pieces_) co_return;
    const hdf5_goal to{path_, dataset_, type_, *room_, {}};
    co_await take_in_all(to, pieces_);
  }
  task<> finish() override {
    const auto put = [&] { put_hdf5_in_place(path_, dataset_, *room_, overwrite_); };
    co_await when_free(put);
  }
  task<> give_up(bool certain) override {
    if (!pieces_.folder.empty()) co_await remove_folder(pieces_.folder);
    if (!room_) co_return;
    const auto take_away = [&] {
      // Where somebody may still write the room stays his: who comes next gets another one.
      certain || in_pieces_ ? give_up_hdf5_room(path_, dataset_, *room_) : leave_hdf5_room(path_, dataset_, *room_);
    };
    co_await when_free(take_away);
  }
  task<array_ref> open() const override {
    if (how_.chunk.empty())
      co_return co_await open_dataset(x_->owner, path_, dataset_, x_->of, {.chunk = x_->chunks.largest()});
    hdf5_place where{.path = path_, .dataset = dataset_, .chunks = x_->chunks};
    where.of = x_->of;
    const auto look = [&] { where.thing = thing_of_dataset(look_up_hdf5(path_, dataset_)); };
    co_await when_free(look);  // for who stores to it by another name
    co_return array_in_hdf5(x_->owner, std::move(where));
  }

 private:
  task<> begin_pieces(std::uint64_t own) {
    pieces_.folder = unfinished_beside(path_, own);
    const auto make = [&] {
      if (room_->left != 0) remove_now(unfinished_beside(path_, room_->left));
      make_folder(pieces_.folder);
    };
    co_await blocking(make);
    pieces_.chunks = x_->chunks;
    pieces_.of = x_->of;
    pieces_.writing = number_;
    pieces_.whole = x_->chunks.whole();
    pieces_.begin = weft::shape::of_rank(pieces_.whole.size());
    pieces_.stored = extents_from(how_.chunk);
    pieces_.filters = how_.filters;
    pieces_.level = how_.level;
  }
  task<> make_room(std::uint64_t mark) {
    const auto make = [&] {
      room_ = make_hdf5_room(path_, dataset_, type_, extents_of(x_->chunks), overwrite_, mark, how_);
    };
    co_await when_free(make);
  }

  const std::string path_, dataset_;
  const item_type type_;
  const hdf5_storage how_;
  const bool overwrite_;
  bool in_pieces_ = false;
  std::optional<hdf5_room> room_;
  hdf5_pieces pieces_;
  std::uint64_t number_ = 0;
};

/// A part of a dataset that is there. Where its elements are in one piece tasks write to the file, mostly; others
/// HDF5 takes in at the end.
class dataset_region_job final : public storing_job {
 public:
  dataset_region_job(array_ref x, const std::string& path, const std::string& dataset, file_region r)
      : storing_job(std::move(x), name_of_hdf5(path, dataset)),
        path_(path),
        dataset_(dataset),
        region_(std::move(r)) {
    type_to_write(*x_, path);
  }
  const file_region* region() const noexcept override { return &region_; }
  bool is_written_in_place() const noexcept override { return found_.written_in_place; }
  std::string thing() const override { return thing_of_dataset(found_); }
  std::string place() const override { return place_of_dataset(path_, dataset_); }

  task<> begin(std::uint64_t number, std::uint64_t own) override {
    number_ = number;
    { const file there = co_await file::open(path_); }  // which says what is wrong with a path
    held_ = co_await hold_file_beside(path_);
    const auto look = [&] { found_ = look_up_hdf5(path_, dataset_); };
    co_await when_free(look);
    if (!(held_->number() == file_number{found_.device, found_.inode})) throw_written_anew(name());
    const bool same = item_type_of(x_->of, found_.type.swapped) == found_.type;
    check_type_of_region(x_->of, to_string(found_.type), same, name());
    settle_region(region_, found_.shape, name());
    x_ = in_region(std::move(x_), region_, name());
    if (!found_.unwritable.empty())
      throw misuse("weft: a region of " + name() + ", which " + found_.unwritable +
                   ": store to what has the elements itself, or write another dataset");
    if (!found_.written_in_place) co_await begin_pieces(own);
  }
  layer<nothing> writes(layer<block> chunks) override {
    if (!found_.written_in_place) return writes_of_all<write_hdf5_task>(pieces_, std::move(chunks), name());
    npy_place where{path_, x_->chunks};
    where.offset = *found_.offset;
    where.of = x_->of;
    where.swapped = found_.type.swapped;
    where.writing = number_;
    where.begin = region_.first;
    where.whole = extents_from(found_.shape);
    return writes_to_file(std::move(where), std::move(chunks), name());
  }
  task<> finish() override {
    if (!found_.written_in_place) {
      co_await check_filters();
      const hdf5_goal to{path_, dataset_, found_.type, {}, found_};
      co_await take_in_all(to, pieces_);
      co_return;
    }
    // Tasks wrote to where it was, whoever has that room now.
    const auto look = [&] {
      if (!is_same_place(look_up_hdf5(path_, dataset_), found_)) throw_written_anew(name());
    };
    co_await when_free(look);
  }
  task<> give_up(bool) override {
    if (!pieces_.folder.empty()) co_await remove_folder(pieces_.folder);
  }
  task<array_ref> open() const override {
    const creation how{.chunk = found_.chunk.empty() ? x_->chunks.largest() : weft::shape()};
    co_return part_in_region(co_await open_dataset(x_->owner, path_, dataset_, x_->of, how), region_);
  }

 private:
  task<> begin_pieces(std::uint64_t own) {
    const auto try_it = [&] { check_hdf5_is_writable(path_); };
    co_await when_free(try_it);  // rather now than when all is computed
    if (!found_.chunk.empty()) x_ = in_chunks_of(std::move(x_), extents_from(found_.chunk), region_.first);
    pieces_.folder = unfinished_beside(path_, own);
    const auto make = [&] { make_folder(pieces_.folder); };
    co_await blocking(make);
    pieces_.chunks = x_->chunks;
    pieces_.of = x_->of;
    pieces_.swapped = found_.type.swapped;
    pieces_.writing = number_;
    pieces_.begin = region_.first;
    pieces_.whole = extents_from(found_.shape);
    pieces_.filled_with_zeros = found_.filled_with_zeros;
    if (!found_.plain_chunks) {
      co_await check_filters();
      co_return;
    }
    pieces_.stored = extents_from(found_.chunk);
    pieces_.filters = found_.filters;
    pieces_.level = found_.level;
  }

  /// Of chunks that HDF5 alone writes: when it is known of what shape they are, and again where somebody has written
  /// to the file since. To open it to be written to is that, too, so that it comes behind check_hdf5_is_writable.
  task<> check_filters() {
    if (found_.chunk.empty() || found_.plain_chunks) co_return;
    const std::optional<hdf5_version> before = checked_;
    const auto note = [&] { checked_ = version_of_hdf5(path_); };
    co_await blocking(note);
    if (before && *before == *checked_) co_return;
    const hdf5_goal to{path_, dataset_, found_.type, {}, found_};
    std::size_t next = 0;
    const auto check = [&] { next = check_skipped_filters(to, pieces_, next); };
    while (next < pieces_.chunks.tasks()) co_await when_free(check);
  }

  const std::string path_, dataset_;
  file_region region_;
  std::shared_ptr<const held_file> held_;
  hdf5_dataset found_;
  hdf5_pieces pieces_;
  std::optional<hdf5_version> checked_;  // of the file before its filters were looked at
  std::uint64_t number_ = 0;
};

class dataset_part_kind final : public target_kind {
 public:
  dataset_part_kind(std::string path, std::string dataset, file_region r)
      : path_(std::move(path)), dataset_(std::move(dataset)), region_(std::move(r)) {}
  std::shared_ptr<storing_job> job_for(array_ref x) const override {
    return std::make_shared<dataset_region_job>(std::move(x), path_, dataset_, region_);
  }
  target_ref part(std::vector<index_item>) const override { throw_part_of_part(name_of_hdf5(path_, dataset_)); }

 private:
  const std::string path_, dataset_;
  const file_region region_;
};
class dataset_kind final : public target_kind {
 public:
  dataset_kind(std::string path, std::string dataset, const hdf5_options& how)
      : path_(std::move(path)), dataset_(std::move(dataset)), how_(how) {}
  std::shared_ptr<storing_job> job_for(array_ref x) const override {
    type_to_write(*x, path_);
    hdf5_storage s = storage_for(*x, name_of_hdf5(path_, dataset_), how_);
    return std::make_shared<new_dataset_job>(std::move(x), path_, dataset_, how_.overwrite, std::move(s));
  }
  target_ref part(std::vector<index_item> where) const override {
    return std::make_shared<const dataset_part_kind>(path_, dataset_,
                                                     region_by(std::move(where), name_of_hdf5(path_, dataset_)));
  }

 private:
  const std::string path_, dataset_;
  const hdf5_options how_;
};

}  // namespace

target_ref hdf5_target(std::string path, std::string dataset, hdf5_options how) {
  check_dataset_name(path, dataset);
  path = fs::absolute(path).string();
  return std::make_shared<const dataset_kind>(std::move(path), std::move(dataset), how);
}

}  // namespace weft::detail::arrays
