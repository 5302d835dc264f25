#include "dask.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace bench {

bool dask_cluster::installed() {
  static const bool there =
      std::system("/usr/bin/python3 -c 'import distributed' >/dev/null 2>&1") == 0;  // NOLINT: no user input
  return there;
}

dask_cluster::dask_cluster(const std::string& saturation) : talk_(unix_pair()) {
  process_ = std::make_unique<forked_process>([fd = talk_.far.get(), &saturation] {
    ::prctl(PR_SET_PDEATHSIG, 0);  // it ends its workers when its input ends
    ::dup2(fd, 0);
    ::dup2(fd, 1);
    ::dup2(::open("/dev/null", O_WRONLY), 2);  // Dask's farewells
    ::execl("/usr/bin/python3", "/usr/bin/python3", WEFT_BENCH_SOURCES "/dask_cluster.py", saturation.c_str(),
            nullptr);
  });
  talk_.far = descriptor();
}

dask_cluster::~dask_cluster() {
  ::shutdown(talk_.near.get(), SHUT_RDWR);
  process_->wait();
}

double dask_cluster::microseconds(const std::string& what, long n) {
  const std::string line = what + " " + std::to_string(n) + "\n";
  write_all(talk_.near.get(), line.data(), line.size());
  std::string answer;
  for (char c = 0; c != '\n'; answer += c) read_all(talk_.near.get(), &c, 1);
  char* end = nullptr;
  const double us = std::strtod(answer.c_str(), &end);
  if (end == answer.c_str()) throw wrong("Dask answered '" + answer + "' to '" + what + "'");
  return us;
}

sides beside_dask(sides out, const settings& s, const std::string& what, long n) {
  if (!s.peers) return out;
  if (!dask_cluster::installed()) {
    out.note += "Dask.distributed is not installed (sh bench/peers.sh)";
    return out;
  }
  struct both {
    dask_cluster as_it_is{"1.1"}, unlimited{"inf"};
    std::vector<double> by_default;
  };
  auto dask = std::make_shared<both>();
  out.peer_name = "dask, worker-saturation inf";
  out.peer = [dask, what, n] {
    dask->by_default.push_back(dask->as_it_is.microseconds(what, n));
    return dask->unlimited.microseconds(what, n);
  };
  out.late_note = [dask] {
    char text[64];
    std::snprintf(text, sizeof text, "dask by default (1.1): %.4g us", quantile(dask->by_default, 0.5));
    return std::string(text);
  };
  return out;
}

}  // namespace bench
