#include <algorithm>
#include <cctype>
#include <stdexcept>

#include "tool/config.hpp"

namespace weft::net {
namespace {

template <auto Part, auto Member>
setting_slot at(settings& s) {
  return &((s.*Part).*Member);
}
constexpr auto scheduler = &settings::scheduler;
constexpr auto worker = &settings::worker;
constexpr auto client = &settings::client;
constexpr auto security = &settings::security;
using kind = setting_kind;

constexpr setting table[] = {
    {"scheduler", "listen", kind::listeners, "where it listens; give the flag once for each address",
     at<scheduler, &scheduler_settings::listen>},
    {"scheduler", "address_file", kind::path, "a file for the addresses that it listens on, one a line",
     at<scheduler, &scheduler_settings::address_file>},
    {"scheduler", "idle_timeout", kind::duration, "ends after so long without tasks and clients; 0: never",
     at<scheduler, &scheduler_settings::idle_timeout>},
    {"scheduler",
     "worker_ttl",
     kind::duration,
     "a worker that is silent for so long is lost",
     at<scheduler, &scheduler_settings::worker_ttl>,
     {},
     {},
     0.1},
    {"scheduler",
     "resume_timeout",
     kind::duration,
     "a peer whose connection has been broken for so long is lost",
     at<scheduler, &scheduler_settings::resume_timeout>,
     {},
     {},
     0.1},
    {"scheduler",
     "saturation",
     kind::ratio,
     "tasks that a worker is given for each of its threads",
     at<scheduler, &scheduler_settings::saturation>,
     {},
     {},
     0.1,
     1000},
    {"scheduler",
     "allowed_failures",
     kind::count,
     "lost workers that a task is blamed for before it fails",
     at<scheduler, &scheduler_settings::allowed_failures>,
     {},
     {},
     1,
     1000},
    {"scheduler", "no_worker_limit", kind::duration, "tasks that no worker may run fail after so long; 0: they wait",
     at<scheduler, &scheduler_settings::no_worker_limit>},

    {"worker", "scheduler", kind::address, "where the scheduler listens", at<worker, &worker_settings::scheduler>},
    {"worker", "name", kind::name, "what it is called; empty: host and process", at<worker, &worker_settings::name>},
    {"worker", "listen", kind::listener, "where values are fetched; empty: a free port of this machine",
     at<worker, &worker_settings::listen>},
    {"worker",
     "threads",
     kind::count,
     "tasks that run at once; 0: as many as there are processors",
     at<worker, &worker_settings::threads>,
     "WEFT_THREADS",
     {},
     0,
     4096},
    {"worker",
     "nice",
     kind::count,
     "lets others of this machine go first, as nice(1) does; 0: does not",
     at<worker, &worker_settings::nice>,
     {},
     {},
     0,
     19},
    {"worker", "memory_limit", kind::bytes, "memory that it may use; 0: the machine's, or the cgroup's",
     at<worker, &worker_settings::memory_limit>, "WEFT_MEMORY"},
    {"worker", "resources", kind::resources, "what tasks can ask for, such as \"gpu=1 licence=0.5\"",
     at<worker, &worker_settings::resources>},
    {"worker", "spill_directory", kind::path, "where values go that memory has no room for; empty: /var/tmp",
     at<worker, &worker_settings::spill_directory>, "WEFT_SPILL"},
    {"worker", "spill_capacity", kind::bytes, "disk that it may use there; 0: all there is",
     at<worker, &worker_settings::spill_capacity>},
    {"worker", "lifetime", kind::duration, "hands over its values and ends after so long; 0: never",
     at<worker, &worker_settings::lifetime>},
    {"worker",
     "death_timeout",
     kind::duration,
     "ends after so long without the scheduler",
     at<worker, &worker_settings::death_timeout>,
     {},
     {},
     0.1},
    {"worker", "nanny", kind::yes_no, "a parent process starts it again when it dies",
     at<worker, &worker_settings::nanny>},
    {"worker", "library", kind::yes_no, "is for clients of the library's kernels alone, of whatever program",
     at<worker, &worker_settings::library>},
    {"worker", "program_cache", kind::path, "where a nanny keeps programs; empty: ~/.cache/weft/programs",
     at<worker, &worker_settings::program_cache>},
    {"worker", "program_cache_limit", kind::bytes, "disk that it may use there; the longest unused goes first",
     at<worker, &worker_settings::program_cache_limit>},
    {"worker", "program_limit", kind::bytes, "what a program may have, with its libraries",
     at<worker, &worker_settings::program_limit>},
    {"worker",
     "programs",
     kind::count,
     "programs of clients that run at once; each has its part of the memory",
     at<worker, &worker_settings::programs>,
     {},
     {},
     1,
     64},
    {"worker", "program_idle", kind::duration, "a worker of such a program ends after so long without its clients",
     at<worker, &worker_settings::program_idle>},

    {"client", "scheduler", kind::address, "where the scheduler listens", at<client, &client_settings::scheduler>,
     "WEFT_CLUSTER", "--cluster"},
    {"client",
     "connect_timeout",
     kind::duration,
     "gives up after so long without an answer of the scheduler",
     at<client, &client_settings::connect_timeout>,
     {},
     {},
     0.001},
    {"client", "library", kind::yes_no, "asks for the library's kernels alone, of workers of whatever program",
     at<client, &client_settings::library>},

    {"security", "certificates", kind::path, "a directory that `weft certs` has made; empty: no TLS",
     at<security, &security_settings::certificates>, "WEFT_CERTIFICATES"},
    {"security", "insecure", kind::yes_no, "allows addresses that others can reach without TLS",
     at<security, &security_settings::insecure>},
};

}  // namespace

std::span<const setting> all_settings() noexcept { return table; }

const setting& setting_of(std::string_view key) {
  const auto* const s =
      std::find_if(std::begin(table), std::end(table), [&](const auto& x) { return x.key() == key; });
  if (s == std::end(table)) throw std::out_of_range("no setting '" + std::string(key) + "'");
  return *s;
}

std::string setting::key() const { return (std::string(table) += '.') += name; }

std::string setting::variable() const {
  std::string v = "WEFT_" + key();
  std::transform(v.begin(), v.end(), v.begin(),
                 [](unsigned char c) { return c == '.' ? '_' : static_cast<char>(std::toupper(c)); });
  return v;
}

std::string setting::flag() const {
  if (!other_flag.empty()) return std::string(other_flag);
  std::string f = "--" + std::string(name);
  std::replace(f.begin(), f.end(), '_', '-');
  return f;
}

std::string_view setting::unit() const noexcept {
  switch (kind) {
    case kind::name:
      return "NAME";
    case kind::resources:
      return "RESOURCES";
    case kind::path:
      return "PATH";
    case kind::address:
    case kind::listener:
    case kind::listeners:
      return "ADDRESS";
    case kind::yes_no:
      return "";
    case kind::count:
      return "N";
    case kind::ratio:
      return "RATIO";
    case kind::bytes:
      return "BYTES";
    case kind::duration:
      return "DURATION";
  }
  return "";
}

}  // namespace weft::net
