import Inventory
import Testing

@Test(
  "a moment has its day and time in UTC",
  arguments: [
    (0, "1970-01-01T00:00:00Z"), (86_399, "1970-01-01T23:59:59Z"),
    (951_782_399, "2000-02-28T23:59:59Z"), (951_782_400, "2000-02-29T00:00:00Z"),
    (1_772_323_199, "2026-02-28T23:59:59Z"), (1_772_323_200, "2026-03-01T00:00:00Z"),
    (4_107_542_400, "2100-03-01T00:00:00Z"), (1_793_528_430, "2026-11-01T10:20:30Z"),
  ])
func civilTime(_ seconds: Int, _ timestamp: String) {
  let time = CivilTime(secondsSince1970: seconds)
  #expect(time.description == timestamp)
  #expect(timestamp.hasPrefix("\(time.date)T"))
}
