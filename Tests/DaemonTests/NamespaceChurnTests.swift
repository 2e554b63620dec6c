import Foundation
import TestKit
import Testing

/// Guests that ask without a pause while the namespaces of their networks go, come back for
/// another guest, and change names.
@Suite(
  "Networks that come and go", .enabled(if: isRoot, "network namespaces need root"), .serialized,
  .timeLimit(.minutes(5)))
struct NamespaceChurnTests {
  static let guests = 4
  static let rounds = 12

  /// Asks in a guest's namespace until the file `stop` is there. A line for each answer: which
  /// network the guest was on before it asked and after it had the answer, and the answer.
  static let client = """
    cd "$1"
    while [ ! -e stop ]; do
      before=$(cat epoch-$2)
      answer=$(curl -sf --max-time 1 http://169.254.169.254/latest/meta-data/hostname) || continue
      echo "$before $(cat epoch-$2) $answer"
    done
    """

  /// In each round, guest g comes to network (g + round) modulo their number.
  static let operator_ = """
    cd "$1"; tag=$2; count=$3; rounds=$4
    attach() { # GUEST NETWORK
      ip netns add np-$tag-net-$2
      ip link add e0 netns np-$tag-net-$2 type veth \\
        peer name eth0 address fa:16:3e:00:00:05 netns npg-$tag-$1
      ip -n np-$tag-net-$2 address add 10.0.0.1/24 dev e0
      ip -n np-$tag-net-$2 address add 169.254.169.254/32 dev e0
      ip -n np-$tag-net-$2 link set e0 up
      ip -n npg-$tag-$1 address add 10.0.0.5/24 dev eth0
      ip -n npg-$tag-$1 link set eth0 up
      ip -n npg-$tag-$1 route add 169.254.169.254 dev eth0
      echo net-$2 >epoch-$1.new; mv epoch-$1.new epoch-$1
    }
    answered() { # GUEST NETWORK: waits for three answers of this round
      for try in $(seq 500); do
        [ "$(tail -n +$(($(cat mark-$1) + 1)) answers-$1 | grep -c "^net-$2 net-$2 ")" -ge 3 ] && return
        sleep 0.02
      done
      echo "guest $1 got no answer on net-$2"; exit 1
    }
    for g in $(seq 0 $((count - 1))); do
      ip netns add npg-$tag-$g
      echo none >epoch-$g; : >answers-$g
      ip netns exec npg-$tag-$g sh client "$1" $g >answers-$g 2>/dev/null &
    done
    trap ': >stop; wait' EXIT
    for r in $(seq $rounds); do
      for g in $(seq 0 $((count - 1))); do
        echo moving >epoch-$g.new; mv epoch-$g.new epoch-$g
        wc -l <answers-$g >mark-$g
        network=$(((g + r + count - 1) % count))
        [ $r = 1 ] && continue
        # Every other round the old veth pair goes first, so that nothing waits for the old
        # namespace, which the daemon may still hold: then the new one has another number. In
        # between the old one is gone before, and its number is used again.
        [ $((r % 2)) = 0 ] && ip -n npg-$tag-$g link del eth0
        ip netns del np-$tag-net-$network
        [ $((r % 2)) = 0 ] && continue
        for try in $(seq 500); do
          ip -n npg-$tag-$g link show eth0 >/dev/null 2>&1 || break
          [ $try = 500 ] && { echo "np-$tag-net-$network does not go"; exit 1; }
          sleep 0.02
        done
      done
      for g in $(seq 0 $((count - 1))); do attach $g $(((g + r) % count)); done
      for g in $(seq 0 $((count - 1))); do answered $g $(((g + r) % count)); done
    done
    """

  @Test("no guest ever gets another network's answer")
  func churn() async throws {
    let farm = NamespaceFarm()
    defer { farm.remove() }
    let networks = (0..<Self.guests).map { "net-\($0)" }
    let daemon = try await DaemonProcess(
      listeners: NamespaceTests.listener(farm), manifest: farm.manifest(networks))
    defer { daemon.stop() }
    try Data(Self.client.utf8).write(to: URL(fileURLWithPath: "\(daemon.folder)/client"))
    let output = try await Program.run(
      "/usr/bin/env",
      [
        "sh", "-c", Self.operator_, "sh", daemon.folder, farm.tag, "\(Self.guests)",
        "\(Self.rounds)",
      ])
    #expect(output.status == 0, "\(output.out)\(output.error)")
    var answers = 0
    for guest in 0..<Self.guests {
      let text = try String(contentsOfFile: "\(daemon.folder)/answers-\(guest)", encoding: .utf8)
      for line in text.split(separator: "\n") {
        let words = line.split(separator: " ").map(String.init)
        // What was asked while the guest moved may be of either network, and is of one at least.
        guard words.count == 3 else { continue }
        answers += 1
        #expect(networks.contains { words[2] == "guest-of-\($0)" }, "guest \(guest): \(line)")
        guard words[0] == words[1], words[0] != "moving" else { continue }
        #expect(words[2] == "guest-of-\(words[0])", "guest \(guest): \(line)")
      }
    }
    #expect(answers >= Self.guests * Self.rounds * 3, "\(answers)")
  }

  @Test("a name that is made anew before anybody looks is listened in anew")
  func replaced() async throws {
    let farm = NamespaceFarm()
    defer { farm.remove() }
    try await farm.make(["net-a"])
    let daemon = try await DaemonProcess(
      listeners: NamespaceTests.listener(farm), manifest: farm.manifest(["net-a"]))
    defer { daemon.stop() }
    for _ in 0..<10 {
      #expect(try await farm.ask("net-a") == "guest-of-net-a")
      // One process does it, in less time than the daemon gathers events in.
      let names = [farm.namespace("net-a"), farm.guest("net-a")]
      let lines = names.map { "netns del \($0)\nnetns add \($0)\n" }.joined()
      try await farm.shell("ip -batch - <<'END'\n\(lines)END\n")
      try await farm.connect(["net-a"])
    }
  }

  @Test("names that are exchanged take their networks with them; with two names none is served")
  func renamed() async throws {
    let farm = NamespaceFarm()
    defer { farm.remove() }
    let links = ["net-a", "net-b"].map { "/run/netns/\(farm.namespace($0))" }
    defer { for link in links { _ = unsafe unlink(link) } }
    // The namespaces have names that no rule is for, and links to them that one is for.
    let real = NamespaceFarm()
    defer { real.remove() }
    try await real.make(["one", "two"])
    let daemon = try await DaemonProcess(
      listeners: NamespaceTests.listener(farm), manifest: farm.manifest(["net-a", "net-b"]))
    defer { daemon.stop() }
    func link(_ target: String, _ link: String) async throws {
      try await Program.tool("ln", "-sfn", "/run/netns/\(real.namespace(target))", link)
    }
    func expect(_ network: String?, _ guest: String) async throws {
      let wanted = network.map { "guest-of-\($0)" } ?? ""
      let curl = "curl -s --max-time 2 http://169.254.169.254/latest/meta-data/hostname || true"
      let found = try await real.shell(
        """
        for try in $(seq 500); do
          answer=$(ip netns exec \(real.guest(guest)) \(curl))
          [ "$answer" = "\(wanted)" ] && break
          sleep 0.02
        done
        echo "$answer"
        """)
      #expect(found == "\(wanted)\n", "guest in \(guest)")
    }
    try await link("one", links[0])
    try await link("two", links[1])
    try await expect("net-a", "one")
    try await expect("net-b", "two")
    try await link("two", links[0])
    try await expect(nil, "two")
    try await expect(nil, "one")
    try await link("one", links[1])
    try await expect("net-a", "two")
    try await expect("net-b", "one")
  }
}
