#include "fio.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>

#include "harness.hpp"

namespace bench {

bool fio_installed() { return std::system("fio --version >/dev/null 2>&1") == 0; }  // NOLINT: no user input

double fio_seconds(const fio_job& job) {
  const std::string command = std::string(job.huge_pages ? "GLIBC_TUNABLES=glibc.malloc.hugetlb=1 " : "") +
                              "fio --name=w --filename=" + job.path + " --rw=" + (job.writes ? "write" : "read") +
                              " --bs=1M --direct=1 --iodepth=16 --size=" + std::to_string(job.bytes) +
                              " --ioengine=" + job.engine + " --output-format=json 2>/dev/null";
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::string text;
  std::array<char, 4096> buffer;
  for (std::size_t n; pipe && (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    text.append(buffer.data(), n);
  if (!pipe || ::pclose(pipe) != 0) throw wrong("fio failed: " + command);
  const auto section = text.find(job.writes ? "\"write\" : {" : "\"read\" : {");
  const auto at = text.find("\"bw_bytes\" : ", section);
  if (section == std::string::npos || at == std::string::npos) throw wrong("fio said what was not understood");
  return static_cast<double>(job.bytes) / std::strtod(text.c_str() + at + 13, nullptr);
}

fio_job fastest(const std::vector<fio_job>& jobs) {
  fio_job best;
  double least = 0;
  for (const fio_job& job : jobs) {
    if (best.engine.empty()) fio_seconds(job);
    std::vector<double> tries;
    for (int i = 0; i < 3; ++i) tries.push_back(fio_seconds(job));
    const double t = quantile(tries, 0.5);
    if (!best.engine.empty() && t >= least) continue;
    least = t;
    best = job;
  }
  return best;
}

std::string limit_name(const fio_job& job) {
  return "limit: fio " + job.engine + (job.huge_pages ? ", huge pages" : "");
}

}  // namespace bench
