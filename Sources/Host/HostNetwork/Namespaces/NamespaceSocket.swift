import CHostNetwork
import Glibc
public import Inventory

/// A listening TCP socket in a network namespace. It is closed with this value, unless somebody
/// takes it over.
public struct NamespaceSocket: ~Copyable, Sendable {
  /// Where to listen.
  public struct Request: Sendable, Hashable {
    /// The namespace's name in `directory`.
    public var namespace: String
    /// Where the names are; `ip netns` has them in /run/netns.
    public var directory: String
    /// No interface needs to have it yet (IP_FREEBIND), save where it is link-local.
    public var address: IPAddress
    /// 0 has the system choose one.
    public var port: Int
    /// The interface of the namespace that connections must come in by.
    public var device: String?
    /// The interface of a link-local address; without it, `device` is meant.
    public var zone: String?
    /// The namespace that the name must stand for; nil takes whichever it is.
    public var expected: NamespaceIdentity?
    /// A socket that listens there already, to be taken instead of opening one. It is closed where
    /// it is in another namespace.
    public var inherited: Int32?

    public init(
      namespace: String, directory: String = NamespaceScan.defaultDirectory, address: IPAddress,
      port: Int, device: String? = nil, zone: String? = nil, expected: NamespaceIdentity? = nil,
      inherited: Int32? = nil
    ) {
      self.namespace = namespace
      self.directory = directory
      self.address = address
      self.port = port
      self.device = device
      self.zone = zone
      self.expected = expected
      self.inherited = inherited
    }

    var path: String { "\(directory)/\(namespace)" }

    var host: String {
      let zone = (self.zone ?? (address.isLinkLocal ? device : nil)).map { "%\($0)" } ?? ""
      return "\(address)\(zone)"
    }

    var endpoint: String {
      (address.isIPv4 ? host : "[\(host)]") + ":\(port)" + (device.map { " on \($0)" } ?? "")
    }
  }

  /// The namespace that the socket is in, as the kernel says of the socket itself.
  public let identity: NamespaceIdentity
  private let descriptor: Int32
  private let routes: Int32

  private init(_ opened: NamespaceSocketOpener.Opened) {
    descriptor = opened.descriptor
    routes = opened.routes
    identity = opened.identity
  }

  deinit {
    close(descriptor)
    close(routes)
  }

  /// Hands over the descriptor, which who has it closes, and the namespace's neighbours.
  public consuming func take() -> (descriptor: Int32, neighbours: NeighbourTable) {
    let taken = (descriptor, NeighbourTable(descriptor: routes))
    discard self
    return taken
  }

  /// Opens a socket that listens, from a thread of its own: what enters a namespace never serves
  /// anything else again.
  ///
  /// The name is looked up once. The same open file says which namespace it is and is entered, and
  /// afterwards the kernel is asked which namespace the socket is in (SIOCGSKNS, Linux 4.10): a
  /// socket that answered for the wrong network would hand one tenant's secrets to another.
  public static func open(_ request: Request) async throws(NamespaceSocketError)
    -> NamespaceSocket
  {
    let outcome = await OneOffThread.run { NamespaceSocketOpener(request: request).open() }
    switch outcome {
    case .success(.success(let opened)):
      return NamespaceSocket(opened)
    case .success(.failure(let error)): throw error
    case .failure(let error):
      throw NamespaceSocketError(request, step: "starting a thread", code: error.code)
    }
  }
}
