import Foundation

/// What a guest asks for when it boots, request by request, and how it is answered.
struct BootWalk {
  struct Step {
    var path: String
    var status: Int
    var body: [UInt8]
  }

  let guest: GuestTown.Guest
  let steps: [Step]

  /// Walks as cloud-init's DataSourceOpenStack does: the versions twice, the documents of OpenStack,
  /// then every leaf of EC2's tree, each listing before what it lists.
  init(port: UInt16, as guest: GuestTown.Guest) throws {
    var steps: [Step] = []
    func ask(_ path: String) throws -> Step {
      guard let answer = HTTPProbe.get(path, port: port, from: guest.address) else {
        throw BenchError("\(path) is not answered")
      }
      let step = Step(path: path, status: answer.status, body: answer.body)
      steps.append(step)
      return step
    }
    for path in ["/openstack", "/openstack"] { _ = try ask(path) }
    for name in [
      "meta_data.json", "user_data", "vendor_data.json", "vendor_data2.json", "network_data.json",
    ] {
      _ = try ask("/openstack/2018-08-27/\(name)")
    }
    var folders = ["/latest/meta-data/"]
    while let folder = folders.popLast() {
      let listing = String(decoding: try ask(folder).body, as: UTF8.self)
      for line in listing.split(separator: "\n") {
        // `0=name` is a key, and is asked for by its number.
        if let equals = line.firstIndex(of: "=") {
          _ = try ask("\(folder)\(line[..<equals])/openssh-key")
        } else if line.hasSuffix("/") {
          folders.append(folder + line)
        } else {
          _ = try ask(folder + line)
        }
      }
    }
    self.guest = guest
    self.steps = steps
  }

  /// Each path once, with its body.
  var documents: [(path: String, bytes: [UInt8])] {
    var seen: Set<String> = []
    return steps.filter { $0.status == 200 && seen.insert($0.path).inserted }
      .map { (path: $0.path, bytes: $0.body) }
  }
}
