import Foundation
import TestKit
import Testing

@testable import GuestAgent

@Suite(
  "An agent that is killed",
  .enabled(
    if: isRoot && Tracing.isPossible, "needs root and strace, and no sanitizer at work"))
struct KilledTests {
  /// The system calls that change files, save those that open them: what opening one has done is
  /// there when the next call is killed. The number of a call counts each by itself.
  static let calls = "write fsync renameat unlinkat mkdir mkdirat fchmod sethostname"

  @Test("between any two system calls leaves authorized_keys whole, old or new")
  func killed() async throws {
    let machine = try GuestMachine(network: "")
    defer { machine.remove() }
    let a = ExampleKeys.ed25519
    let foreign = "\(AuthorizedKeysTests.foreign)\n"
    let old = foreign + AuthorizedKeysTests.block(ExampleKeys.ecdsa256)
    let new = foreign + AuthorizedKeysTests.block(a, ExampleKeys.rsa)
    try ConfigDriveTests.write(
      [
        "openstack/latest/meta_data.json": Script.metaData(keys: [a, ExampleKeys.rsa]),
        "openstack/latest/user_data": "hello",
      ], to: "\(machine.folder)/drive")
    // All runs in one go: starting a machine for each would take most of the time.
    let script = """
      mkdir -p -m 700 /root/.ssh /home/alice/.ssh
      for c in \(Self.calls); do n=0; s=137; while [ $s -eq 137 ]; do
        n=$((n + 1))
        for h in /root /home/alice; do
          cp $F/old $h/.ssh/authorized_keys; chmod 600 $h/.ssh/authorized_keys
        done
        chown -R alice:alice /home/alice/.ssh
        rm -rf /var/lib/nameplate-guest; echo old > /etc/hostname; hostname old
        s=0
        strace -f -o /dev/null -e trace=$c -e inject=$c:signal=KILL:when=$n "$0" "$@" \
          >/dev/null 2>&1 || s=$?
        for h in /root /home/alice; do
          if cmp -s $h/.ssh/authorized_keys $F/old; then w=old
          elif cmp -s $h/.ssh/authorized_keys $F/new; then w=new
          else w=BROKEN; fi
          echo "$c $n $s $h $w $(ls -A $h/.ssh | wc -l)"
        done
      done; done
      # What killed runs left behind is gone after one that is not.
      ls -A /root/.ssh /home/alice/.ssh /var/lib/nameplate-guest
      """
    try machine.write(old, to: "old")
    try machine.write(new, to: "new")
    try machine.write(script, to: "loop")
    let output = try await machine.agent(
      "--config-drive", "\(machine.folder)/drive", "--user", "root", "--user", "alice", "--timeout",
      "0", with: "F=\(machine.folder); export F; exec sh -c \"$(cat $F/loop)\"")
    let lines = output.out.split(separator: "\n").map(String.init)
    let runs = lines.filter { $0.contains(" /root ") || $0.contains(" /home/alice ") }
    #expect(runs.allSatisfy { $0.contains(" old ") || $0.contains(" new ") }, "\(output.out)")
    // It was killed before, between and after the two files, and in the end ran through.
    for home in ["/root", "/home/alice"] {
      for call in ["write", "fsync", "fchmod", "renameat"] {
        #expect(
          runs.contains { $0.hasPrefix("\(call) ") && $0.hasSuffix(" 137 \(home) old 2") },
          "\(call) beside a temporary file: \(output.out) \(output.error)")
      }
      #expect(runs.contains { $0.hasPrefix("fsync ") && $0.hasSuffix(" 137 \(home) new 1") })
    }
    // The directory is synced before the next file is begun.
    #expect(
      runs.indices.dropLast().contains {
        runs[$0].hasPrefix("fsync ") && runs[$0].hasSuffix(" 137 /root new 1")
          && runs[$0 + 1].hasSuffix(" 137 /home/alice old 1")
      })
    #expect(runs.suffix(2).allSatisfy { $0.contains(" 0 ") && $0.hasSuffix(" new 1") })
    #expect(
      lines.drop { !$0.hasPrefix("/home/alice/.ssh:") }
        == [
          "/home/alice/.ssh:", "authorized_keys", "/root/.ssh:", "authorized_keys",
          "/var/lib/nameplate-guest:", "lock", "user-data",
        ])
  }
}
