// io.*: files against fio on the same disk, and timers.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>

#include "asio_peer.hpp"
#include "fio.hpp"
#include "harness.hpp"
#include "weft/all.hpp"
#include "weft/file.hpp"
#include "weft/map.hpp"
#include "weft/pool.hpp"
#include "weft/sleep.hpp"
#include "weft/timeout.hpp"

namespace bench {
namespace {

constexpr std::size_t block = std::size_t{1} << 20;

/// A file of incompressible bytes in the current folder, or in the one that WEFT_BENCH_DIR names; gone at the end.
class scratch_file {
 public:
  explicit scratch_file(std::size_t bytes) : size(bytes) {
    const char* folder = std::getenv("WEFT_BENCH_DIR");
    path = (std::filesystem::path(folder ? folder : ".") / ("weft-bench-" + std::to_string(::getpid()))).string();
    std::vector<std::uint64_t> data(block / 8);
    std::uint64_t state = 88172645463325252u;
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0) throw std::system_error(errno, std::system_category(), path);
    for (std::size_t done = 0; done < size; done += block) {
      for (auto& x : data) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        x = state;
      }
      if (::write(fd, data.data(), block) != static_cast<ssize_t>(block)) {
        const int error = errno;
        ::close(fd);
        ::unlink(path.c_str());
        throw std::system_error(error, std::system_category(), path);
      }
    }
    ::fsync(fd);
    ::close(fd);
  }
  ~scratch_file() { ::unlink(path.c_str()); }
  std::string path;
  const std::size_t size;
};

/// So many lanes, each with a registered buffer and every so-manieth block.
weft::task<> transfer(weft::file& f, std::size_t size, bool writes, std::size_t lanes) {
  std::vector<weft::task<>> all;
  auto lane = [](weft::file& g, std::size_t first, std::size_t step, std::size_t end, bool write) -> weft::task<> {
    weft::registered_buffer buffer(block);
    std::memset(buffer.data(), static_cast<int>(first), buffer.size());
    for (std::size_t at = first * block; at < end; at += step * block) {
      std::size_t n = 0;
      if (write)
        n = co_await g.write_at(at, buffer, 0, block);
      else
        n = co_await g.read_at(at, buffer, 0, block);
      if (n != block) throw wrong("a transfer was short");
    }
  };
  for (std::size_t i = 0; i < lanes; ++i) all.push_back(lane(f, i, lanes, size, writes));
  co_await weft::all(std::move(all));
}

sides file_sides(const settings& s, bool writes) {
  auto file = std::make_shared<scratch_file>(s.size(std::size_t{1} << 30, std::size_t{128} << 20));
  auto pool = std::make_shared<weft::pool>(weft::pool_options{.threads = s.threads});
  const double bytes = static_cast<double>(file->size);
  const std::size_t lanes = 4;
  sides out;
  out.weft = [=] {
    auto whole = [](const scratch_file& on, bool write, std::size_t n) -> weft::task<double> {
      const weft::file_options options{.mode = weft::access::read_write, .direct = true, .registered = true};
      weft::file f = co_await weft::file::open(on.path, options);
      const double begin = seconds_now();
      co_await transfer(f, on.size, write, n);
      co_return seconds_now() - begin;
    };
    return pool->run(whole(*file, writes, lanes)) * 1e9 / bytes;
  };
  out.note = "direct, blocks of 1 MiB";
  if (!fio_installed()) {
    out.note += "; fio is not installed (sh bench/peers.sh)";
    return out;
  }
  const auto job = [&](const char* engine) {
    return fio_job{.path = file->path, .bytes = file->size, .writes = writes, .engine = engine};
  };
  fio_job limit;
  if (s.peers) {
    limit = fastest({job("io_uring"), job("psync")});
    out.peer_name = limit_name(limit);
  }
  out.peer = [limit, file, bytes] { return fio_seconds(limit) * 1e9 / bytes; };
  return out;
}

const registered read_("io.file_read", "ns/byte", "a file read past the page cache, against fio's better engine",
                       [](const settings& s) { return file_sides(s, false); });
const registered write_("io.file_write", "ns/byte", "the same written",
                        [](const settings& s) { return file_sides(s, true); });

// ---- timers --------------------------------------------------------------------------------------------

const registered timer_("io.timer", "ns/timer",
                        "timers that all expire within a millisecond, set and awaited; the peer's beside",
                        [](const settings& s) {
                          const std::size_t n = s.size(std::size_t{200'000}, std::size_t{20'000});
                          auto pool = std::make_shared<weft::pool>(weft::pool_options{.threads = s.threads});
                          sides out;
                          out.weft = [pool, n] {
                            auto whole = [](std::size_t timers) -> weft::task<double> {
                              auto one = [](std::size_t i) -> weft::task<> {
                                co_await weft::sleep_for(std::chrono::nanoseconds(1 + (i * 7919) % 1'000'000));
                              };
                              const double begin = seconds_now();
                              std::vector<weft::task<>> all;
                              all.reserve(timers);
                              for (std::size_t i = 0; i < timers; ++i) all.push_back(one(i));
                              co_await weft::all(std::move(all));
                              co_return (seconds_now() - begin) * 1e9 / static_cast<double>(timers);
                            };
                            return pool->run(whole(n));
                          };
                          return asio_side(out, s, [n](asio_peer& p) { p.timers(n); }, 1e9 / static_cast<double>(n));
                        });

const registered deadline_("io.deadline", "ns/task", "a task under a time limit that it keeps",
                           [](const settings& s) {
                             const std::size_t n = s.size(std::size_t{1'000'000}, std::size_t{100'000});
                             auto pool = std::make_shared<weft::pool>(weft::pool_options{.threads = s.threads});
                             sides out;
                             out.weft = [pool, n] {
                               auto whole = [](std::size_t tasks) -> weft::task<double> {
                                 auto one = []() -> weft::task<> { co_return; };
                                 const double begin = seconds_now();
                                 for (std::size_t i = 0; i < tasks; ++i)
                                   co_await weft::timeout(std::chrono::hours(1), one());
                                 co_return (seconds_now() - begin) * 1e9 / static_cast<double>(tasks);
                               };
                               return pool->run(whole(n));
                             };
                             return out;
                           });

}  // namespace
}  // namespace bench
