#include "weft/simulated_disk.hpp"

#include <fcntl.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include "exec/pool_core.hpp"
#include "uring/service.hpp"

namespace weft {

using detail::file_action;
using detail::file_request;

/// Everything runs on the one thread of the simulation, so nothing here is locked.
class simulated_disk::service final : public detail::file_service {
 public:
  service(simulation& s, detail::pool_core& p, options o) : simulation_(s), pool_(p), options_(o) {}

  bool start(file_request& r) override {
    if (!detail::claim(r, this)) return true;
    auto* p = new pending(*this, r);
    const auto half = std::max<std::int64_t>(1, options_.latency.count() / 2);
    const auto delay = half + static_cast<std::int64_t>(simulation_.random() % static_cast<std::uint64_t>(3 * half));
    p->due.deadline = pool_.env().now() + std::chrono::nanoseconds(delay);
    p->due.frame = static_cast<detail::work_item*>(p);
    r.owner.store(p, std::memory_order_relaxed);
    pool_.add_timer(p->due);
    return false;
  }

  void cancel(file_request& r) noexcept override {
    void* where = detail::stop_before_start(r);
    if (!where) return;
    auto* p = static_cast<pending*>(where);
    if (!pool_.cancel_timer(p->due)) return;  // it is being done
    delete p;
    r.stop_wanted = true;
    r.result = -ECANCELED;
    r.finished(r);
  }

  void close(int fd, std::int32_t) noexcept override { handles_.erase(fd); }

  struct write {
    std::uint64_t offset;
    std::vector<std::byte> bytes;
  };
  struct contents_of {
    std::vector<std::byte> now, durable;
    std::vector<write> unsynced;  // since `durable`, in order
  };

  void crash() {
    for (auto& [path, f] : files_) {
      f->now = f->durable;
      for (const write& w : f->unsynced) {
        const std::uint64_t fate = simulation_.random() % 3;
        if (fate == 0) continue;
        const std::size_t n = fate == 1 ? w.bytes.size() : simulation_.random() % (w.bytes.size() + 1);
        if (n) put_bytes(f->now, w.offset, std::span(w.bytes).first(n));
      }
      f->durable = f->now;
      f->unsynced.clear();
    }
  }

  void set(options o) { options_ = o; }
  std::map<std::string, std::shared_ptr<contents_of>> files_;

 private:
  struct pending : detail::work_item {
    pending(service& s, file_request& r) noexcept
        : work_item{[](work_item* w) { run(*static_cast<pending*>(w)); },
                    [](work_item* w) { delete static_cast<pending*>(w); }},
          disk(s),
          request(r) {}
    static void run(pending& p) {
      file_request& r = p.request;
      r.result = p.disk.perform(r);
      r.owner.store(&r, std::memory_order_relaxed);  // a stop that comes now finds it nowhere
      delete &p;
      r.finished(r);
    }
    service& disk;
    file_request& request;
    detail::timer due;
  };
  struct handle {
    std::shared_ptr<contents_of> file;
    int flags;
  };

  bool chance(std::uint32_t per_million) {
    return per_million != 0 && simulation_.random() % 1'000'000 < per_million;
  }

  static void put_bytes(std::vector<std::byte>& to, std::uint64_t offset, std::span<const std::byte> bytes) {
    if (to.size() < offset + bytes.size()) to.resize(offset + bytes.size());
    std::copy(bytes.begin(), bytes.end(), to.begin() + static_cast<std::ptrdiff_t>(offset));
  }

  std::uint64_t used() const {
    std::uint64_t sum = 0;
    for (const auto& [path, f] : files_) sum += f->now.size();
    return sum;
  }

  std::int64_t perform(file_request& r) {
    if (chance(options_.errors_per_million)) {
      if (r.action == file_action::close) handles_.erase(r.fd);  // as on Linux: it is closed all the same
      return -EIO;
    }
    if (r.action == file_action::open) return open(r);
    const auto found = handles_.find(r.fd);
    if (found == handles_.end()) return -EBADF;
    handle& h = found->second;
    contents_of& f = *h.file;
    const int mode = h.flags & O_ACCMODE;
    switch (r.action) {
      case file_action::read:
      case file_action::read_vector:
        return mode == O_WRONLY ? -EBADF : transfer(r, f, false);
      case file_action::write:
      case file_action::write_vector:
        return mode == O_RDONLY ? -EBADF : transfer(r, f, true);
      case file_action::sync:
      case file_action::data_sync:
        f.durable = f.now;
        f.unsynced.clear();
        return 0;
      case file_action::allocate:
        return resize(f, std::max<std::uint64_t>(f.now.size(), r.offset + r.length));
      case file_action::truncate:
        return resize(f, r.length);
      case file_action::size:
        return static_cast<std::int64_t>(f.now.size());
      case file_action::close:
        handles_.erase(found);
        return 0;
      case file_action::open:
        break;
    }
    return -EINVAL;
  }

  std::int64_t open(const file_request& r) {
    const std::string path = static_cast<const char*>(r.address);
    auto found = files_.find(path);
    if (found == files_.end()) {
      if (!(r.flags & O_CREAT)) return -ENOENT;
      found = files_.emplace(path, std::make_shared<contents_of>()).first;
    } else if ((r.flags & O_CREAT) && (r.flags & O_EXCL)) {
      return -EEXIST;
    }
    if (r.flags & O_TRUNC) resize(*found->second, 0);
    handles_[++last_handle_] = {found->second, r.flags};
    return last_handle_;
  }

  std::int64_t resize(contents_of& f, std::uint64_t size) {
    if (size > f.now.size() && used() + (size - f.now.size()) > options_.capacity) return -ENOSPC;
    f.now.resize(size);
    // A file's length is kept as its name is, and what was cut off does not come back.
    f.durable.resize(size);
    for (write& w : f.unsynced) w.bytes.resize(w.offset < size ? std::min(w.bytes.size(), size - w.offset) : 0);
    return 0;
  }

  std::int64_t transfer(const file_request& r, contents_of& f, bool writes) {
    std::vector<iovec> parts;
    if (r.action == file_action::read || r.action == file_action::write) {
      parts.push_back({r.address, r.length});
    } else {
      const auto* v = static_cast<const iovec*>(r.address);
      parts.assign(v, v + r.length);
    }
    std::uint64_t whole = 0;
    for (const iovec& p : parts) whole += p.iov_len;
    if (whole > 1 && chance(options_.short_per_million)) whole = 1 + simulation_.random() % (whole - 1);
    if (!writes) whole = std::min(whole, f.now.size() > r.offset ? f.now.size() - r.offset : 0);
    if (writes && r.offset + whole > f.now.size()) {
      const std::uint64_t grows = r.offset + whole - f.now.size(), in_use = used();
      const std::uint64_t room = options_.capacity > in_use ? options_.capacity - in_use : 0;
      if (grows > room) {
        if (room == 0 || grows - room >= whole) return -ENOSPC;
        whole -= grows - room;
      }
    }
    std::uint64_t at = r.offset, left = whole;
    // What is wrong and nobody says: the first bytes only reach the disk, or one is read that was never written.
    if (writes && whole != 0 && chance(options_.torn_per_million)) left = simulation_.random() % whole;
    constexpr std::uint64_t none = ~std::uint64_t{0};
    const std::uint64_t flipped =
        !writes && whole != 0 && chance(options_.flips_per_million) ? simulation_.random() % whole : none;
    for (const iovec& p : parts) {
      const std::size_t n = std::min<std::uint64_t>(left, p.iov_len);
      auto* memory = static_cast<std::byte*>(p.iov_base);
      if (writes) {
        if (n == 0) continue;
        put_bytes(f.now, at, {memory, n});
        f.unsynced.push_back({at, {memory, memory + n}});
      } else if (n) {
        std::memcpy(memory, f.now.data() + at, n);
        if (const std::uint64_t from = at - r.offset; flipped != none && flipped >= from && flipped < from + n)
          memory[flipped - from] ^= std::byte{1};
      }
      at += n;
      left -= n;
    }
    return static_cast<std::int64_t>(whole);
  }

  simulation& simulation_;
  detail::pool_core& pool_;
  options options_;
  std::map<int, handle> handles_;
  int last_handle_ = 2;
};

simulated_disk::simulated_disk(simulation& s, pool& p, options o)
    : service_(std::make_shared<service>(s, p.core(), o)) {
  detail::adopt_file_service(p.core(), service_);
}
simulated_disk::~simulated_disk() = default;

void simulated_disk::set(options o) { service_->set(o); }
void simulated_disk::crash() { service_->crash(); }
bool simulated_disk::exists(const std::string& path) const { return service_->files_.count(path) != 0; }
void simulated_disk::remove(const std::string& path) { service_->files_.erase(path); }

void simulated_disk::put(const std::string& path, std::span<const std::byte> bytes) {
  auto f = std::make_shared<service::contents_of>();
  f->now.assign(bytes.begin(), bytes.end());
  f->durable = f->now;
  service_->files_[path] = std::move(f);
}

std::vector<std::byte> simulated_disk::contents(const std::string& path) const {
  const auto found = service_->files_.find(path);
  return found == service_->files_.end() ? std::vector<std::byte>() : found->second->now;
}

}  // namespace weft
