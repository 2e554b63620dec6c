import Foundation
import HostNetwork
import HostProcess
import Inventory
import Synchronization
import TestKit

/// A guest, its router and, on a management network behind the router, a host for the service; all
/// in namespaces of their own. A stand-in answers probes as the service does.
struct DoctorNetwork: Sendable {
  enum Backend: String, CaseIterable, Sendable {
    case nftables
    case iptablesNft = "iptables-nft"
    case iptablesLegacy = "iptables-legacy"
  }

  let guest: HostTools
  let router: HostTools
  let server: HostTools
  /// Whether the service is on the management network.
  let isRemote: Bool
  let backend: Backend
  let names: [String]
  private let services = ServiceShelf()
  private let sightings = Sightings()

  var metadataHost: String { isRemote ? "10.30.0.2" : "10.20.0.1" }

  /// Makes the network, runs a body in it, and takes it away again whatever happens.
  /// - Parameter service: What runs at metadata_host:8775.
  static func run(
    remote isRemote: Bool = false, backend: Backend = .nftables, service: Service? = .standIn,
    redirect: Bool = true, _ body: (DoctorNetwork) async throws -> Void
  ) async throws {
    let suffix = String(UUID().uuidString.prefix(6)).lowercased()
    let names = ["g", "r", "s"].map { "np-d\($0)\(suffix)" }
    let network = DoctorNetwork(
      guest: HostTools(namespace: names[0]), router: HostTools(namespace: names[1]),
      server: HostTools(namespace: names[2]), isRemote: isRemote, backend: backend, names: names)
    let result: Result<Void, any Error>
    do {
      try await network.make()
      if redirect { try await network.redirect() }
      if let service { try network.start(service) }
      result = .success(try await body(network))
    } catch {
      result = .failure(error)
    }
    network.services.stop()
    for name in names { _ = try? await HostTools().run("ip", ["netns", "del", name]) }
    try result.get()
  }

  private func make() async throws {
    for name in names { try await HostTools().run("ip", ["netns", "add", name]) }
    let commands = [
      "link add in0 netns \(names[1]) type veth peer name eth0 netns \(names[0])",
      "link add mg0 netns \(names[1]) type veth peer name eth0 netns \(names[2])",
      "-n \(names[0]) link set lo up", "-n \(names[1]) link set lo up",
      "-n \(names[2]) link set lo up",
      "-n \(names[0]) address add 10.20.0.5/24 dev eth0", "-n \(names[0]) link set eth0 up",
      "-n \(names[1]) address add 10.20.0.1/24 dev in0", "-n \(names[1]) link set in0 up",
      "-n \(names[1]) address add 10.30.0.1/24 dev mg0", "-n \(names[1]) link set mg0 up",
      "-n \(names[2]) address add 10.30.0.2/24 dev eth0", "-n \(names[2]) link set eth0 up",
      "-n \(names[0]) route add default via 10.20.0.1",
      "-n \(names[2]) route add 10.20.0.0/24 via 10.30.0.1",
    ]
    for command in commands { try await HostTools().run("ip", Self.words(command)) }
    try await sysctl("net.ipv4.ip_forward", 1)
  }

  static func words(_ command: String) -> [String] {
    command.split(separator: " ").map(String.init)
  }

  func sysctl(_ name: String, _ value: Int) async throws {
    try await router.run("sysctl", ["-w", "\(name)=\(value)"])
  }

  func ip(_ tools: HostTools, _ command: String) async throws {
    try await tools.run("ip", Self.words(command))
  }

  /// - Parameter text: May be of one line, which nft itself does not read.
  func nft(_ tools: HostTools, _ text: String) async throws {
    let lines = text.components(separatedBy: "; }").joined(separator: "\n}\n")
    try await tools.run("nft", ["-f", "-"], input: lines)
  }

  /// The redirect as text, with its exemption from source NAT or without.
  func redirect(exempts: Bool = true) async throws {
    let translated =
      "ct status dnat ct original ip daddr 169.254.169.254 ct original proto-dst 80"
    guard backend != .nftables else {
      let exemption =
        "ip daddr \(metadataHost) tcp dport 8775 \(translated) counter snat ip to ip saddr"
      return try await nft(
        router,
        """
        table inet nameplate {
          chain prerouting {
            type nat hook prerouting priority dstnat - 10;
            ip saddr 10.20.0.0/24 ip daddr 169.254.169.254 tcp dport 80 counter \
              dnat ip to \(metadataHost):8775
          }
          chain postrouting {
            type nat hook postrouting priority srcnat - 10;
            \(exempts ? exemption : "")
          }
        }
        """)
    }
    let accept =
      "-A nameplate-POSTROUTING -d \(metadataHost)/32 -p tcp -m tcp --dport 8775 -m conntrack "
      + "--ctstate DNAT --ctorigdst 169.254.169.254 --ctorigdstport 80 -j ACCEPT\n"
    try await router.run(
      "\(backend.rawValue)-restore", ["--noflush"],
      input: """
        *nat
        :nameplate-PREROUTING - [0:0]
        :nameplate-POSTROUTING - [0:0]
        -A nameplate-PREROUTING -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j DNAT \
        --to-destination \(metadataHost):8775
        \(exempts ? accept : "")-I PREROUTING 1 -j nameplate-PREROUTING
        -I POSTROUTING 1 -j nameplate-POSTROUTING
        COMMIT

        """)
  }

  /// What the redirect's own check would say, read from the rule's counter.
  func redirectFacts() async throws -> RedirectFacts {
    let text =
      backend == .nftables
      ? (try? await router.run("nft", ["list", "table", "inet", "nameplate"])) ?? ""
      : try await router.run("\(backend.rawValue)-save", ["-c", "-t", "nat"])
    let line = text.split(separator: "\n").first {
      $0.contains("169.254.169.254") && $0.contains("8775") && !$0.contains("original")
        && !$0.contains("ctorigdst")
    }
    guard let line else {
      return RedirectFacts(
        isInPlace: false, drift: ["the rule is missing"], packets: nil, backend: backend.rawValue)
    }
    let digits =
      backend == .nftables
      ? line.components(separatedBy: "counter packets ").last?.prefix { $0.isNumber }
      : line.dropFirst().prefix { $0.isNumber }
    return RedirectFacts(
      isInPlace: true, packets: digits.flatMap { UInt64($0) }, backend: backend.rawValue)
  }
}

extension DoctorNetwork {
  enum Service: Sendable {
    /// It answers probes as the service does, and notes whom it saw.
    case standIn
    /// Answers as the service, and the daemon here does not hear of it.
    case impostor
    /// A web server of somebody else's.
    case other
  }

  /// Starts a service at metadata_host:8775; `run` ends it.
  func start(
    _ service: Service, in tools: HostTools? = nil, at address: String? = nil, port: UInt16 = 8775
  ) throws {
    let tools = tools ?? (isRemote ? server : router)
    let sightings = sightings
    try services.add(
      ScriptedService(at: address ?? metadataHost, port: port, namespace: tools.namespace) {
        request in
        guard service != .other,
          let match = request.path.wholeMatch(
            of: #/\/nameplate\/probe\/(?<nonce>[0-9a-f]{32})(?:\/(?<size>[0-9]{1,5}))?/#)
        else { return .answer(200, "<html>welcome</html>\n", headers: ["Server: other/1"]) }
        let nonce = String(match.nonce)
        if service == .standIn { sightings.note(nonce, from: request.source) }
        let body =
          #"{"service": "nameplate", "nonce": "\#(nonce)", "source": "\#(request.source)"}"#
        let size = match.size.flatMap { Int($0) } ?? 0
        let padding = String(repeating: " ", count: max(0, size - 1 - body.utf8.count))
        return .answer(200, body + padding + "\n")
      })
  }

  /// Whom the stand-in saw, by nonce.
  private final class Sightings: Sendable {
    private let sources = Mutex<[String: String]>([:])

    func note(_ nonce: String, from source: String) { sources.withLock { $0[nonce] = source } }

    subscript(nonce: String) -> IPAddress? {
      sources.withLock { $0[nonce] }.flatMap { IPAddress($0) }
    }
  }

  /// What the stand-in saw, told as a daemon tells it.
  func daemon(
    owner: DoctorDaemon.Owner = .instance(id: "11111111-2222-4333-8444-555555555555", name: "web"),
    strangers: [DoctorDaemon.Stranger] = []
  ) -> DoctorDaemon {
    let sightings = sightings
    return DoctorDaemon(
      status: { .init(version: "1", listeners: ["\(metadataHost):8775"]) },
      whois: { _, _ in owner },
      sighting: { nonce in
        sightings[nonce].map { DoctorDaemon.Sighting(source: $0, network: "net-a") }
      },
      strangers: { strangers })
  }

  func question(host: String?? = nil, asGuest: String? = nil) -> DoctorQuestion {
    let name = host ?? metadataHost
    return DoctorQuestion(
      metadataHost: name.flatMap { IPAddress($0) }, metadataPort: 8775, shape: .router,
      guests: [CIDR("10.20.0.0/24")].compactMap { $0 },
      asGuest: asGuest.flatMap { IPAddress($0) }, redirect: { try await redirectFacts() })
  }

  /// Asks the doctor from the guest's namespace.
  func examine(
    host: String?? = nil, daemon: DoctorDaemon?? = nil
  ) async -> [DoctorFinding] {
    await Doctor(
      question: question(host: host), host: router, guest: guest, daemon: daemon ?? self.daemon()
    ).examine()
  }
}

extension [DoctorFinding] {
  var failed: [String] { filter { $0.status == .failed }.map(\.id) }
  var warnings: [String] { filter { $0.status == .warning }.map(\.id) }
  subscript(_ check: DoctorCheck) -> DoctorFinding? { first { $0.id == check.rawValue } }
}
