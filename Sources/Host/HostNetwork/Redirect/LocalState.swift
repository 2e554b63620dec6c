import HostProcess

/// What ip and /proc/sys tell about the devices and parts of a local redirect.
struct LocalState: Hashable {
  private(set) var devices: Set<String> = []
  private(set) var devicesWithIPv6: Set<String> = []
  private var lines: [Bool: [[String]]] = [true: [], false: []]

  /// One shell runs ip once for each family. ip goes on after what it cannot list (a table without
  /// routes is an error to it), so its status says nothing; nor does that of read, which gets one
  /// byte at a time from /proc and misses the line's end.
  private static let script = """
    printf '%s\\n' "$1" | ip -4 -o -force -batch - 2>/dev/null
    echo '--'
    printf '%s\\n' "$2" | ip -6 -o -force -batch - 2>/dev/null
    echo '--'
    shift 2
    for d; do
      [ -d "/proc/sys/net/ipv4/conf/$d" ] && echo "$d"
      v=1
      read -r v <"/proc/sys/net/ipv6/conf/$d/disable_ipv6"
      [ "$v" = 0 ] && echo "$d 6"
    done 2>/dev/null
    exit 0
    """

  static func take(_ devices: [String], tools: HostTools) async throws(RedirectError) -> LocalState
  {
    let queries = [true, false].map { LocalText.queries(devices, isIPv4: $0) }
    return LocalState(try await tools.output("sh", ["-c", script, "sh"] + queries + devices))
  }

  init(_ output: String) {
    var section = 0
    for line in output.split(separator: "\n") {
      if line == "--" {
        section += 1
        continue
      }
      // A rule's device that is not there now has a remark behind it.
      let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
        .filter { $0 != "[detached]" }
      switch section {
      case 0: lines[true, default: []].append(words)
      case 1: lines[false, default: []].append(words)
      default:
        guard let device = words.first else { continue }
        devices.insert(device)
        if words.count > 1 { devicesWithIPv6.insert(device) }
      }
    }
  }

  func has(_ part: LocalPart) -> Bool {
    let lines = lines[part.isIPv4] ?? []
    return switch part.sign {
    case .line(let words): lines.contains { $0.starts(with: words) }
    case .first(let words, let other):
      lines.first {
        $0.starts(with: words)
          || $0.first == other && $0.dropFirst().first == words.last && !$0.contains("lo")
      }?.starts(with: words) == true
    case .address(let block, let device):
      lines.contains { $0.count > 3 && $0[1] == device && $0[3] == block }
    }
  }

  /// Whether the part is there, in whatever order.
  func hasSomewhere(_ part: LocalPart) -> Bool {
    guard case .first(let words, _) = part.sign else { return has(part) }
    return lines[part.isIPv4]?.contains { $0.starts(with: words) } == true
  }
}
