#include "cache/rows.h"

#include <xxhash.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace tenon {

// In the order of ScheduleStatus.
constexpr std::array<std::string_view, 4> statuses = {"picked", "tuned", "tried", "rejected"};

std::string_view status_name(ScheduleStatus status) {
  return statuses[static_cast<std::size_t>(status)];
}

std::optional<ScheduleStatus> status_of(std::string_view name) {
  const auto known = std::ranges::find(statuses, name);
  if (known == statuses.end()) return std::nullopt;
  return static_cast<ScheduleStatus>(known - statuses.begin());
}

std::string hash_fields(std::initializer_list<std::string_view> fields) {
  std::string bytes;
  for (const std::string_view field : fields) {
    for (int byte = 0; byte < 8; ++byte)  // of the length; little-endian on every machine
      bytes += static_cast<char>(std::uint64_t{field.size()} >> (8 * byte));
    bytes += field;
  }
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::string device_id(const DeviceRow& device) {
  return hash_fields({device.kind, device.model, device.isa, device.caches,
                      std::to_string(device.cores), device.driver});
}

}  // namespace tenon
