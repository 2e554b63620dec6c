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
  /// then every leaf of EC2's tree (`MetadataMaterializer`): of each listing the folders first, and
  /// all that is in them.
  init(port: UInt16, as guest: GuestTown.Guest) throws {
    var steps: [Step] = []
    func ask(_ path: String) throws -> String {
      guard let answer = HTTPProbe.get(path, port: port, from: guest.address) else {
        throw BenchError("\(path) is not answered")
      }
      steps.append(Step(path: path, status: answer.status, body: answer.body))
      return String(decoding: answer.body, as: UTF8.self)
    }
    func walk(_ folder: String) throws {
      let lines = try ask(folder).split(separator: "\n")
      for line in lines where line.hasSuffix("/") { try walk(folder + line) }
      for line in lines where !line.hasSuffix("/") {
        // `0=name` is a key, and is asked for by its number.
        let equals = line.firstIndex(of: "=")
        _ = try ask(folder + (equals.map { "\(line[..<$0])/openssh-key" } ?? String(line)))
      }
    }
    for path in ["/openstack", "/openstack"] { _ = try ask(path) }
    for name in [
      "meta_data.json", "user_data", "vendor_data.json", "vendor_data2.json", "network_data.json",
    ] {
      _ = try ask("/openstack/2018-08-27/\(name)")
    }
    try walk("/latest/meta-data/")
    self.guest = guest
    self.steps = steps
  }

  /// Each path once, with its body.
  var documents: [(path: String, bytes: [UInt8])] {
    var seen: Set<String> = []
    return steps.filter { $0.status == 200 && seen.insert($0.path).inserted }
      .map { (path: $0.path, bytes: $0.body) }
  }

  /// A head as cloud-init sends it: it asks for a connection that is kept, and closes it itself when
  /// it has its answer.
  static func head(_ path: String) -> String {
    """
    GET \(path) HTTP/1.1\r
    Host: 169.254.169.254\r
    User-Agent: Cloud-Init/22.4.2\r
    Accept-Encoding: gzip, deflate\r
    Accept: */*\r
    Connection: keep-alive\r
    \r

    """
  }
}
