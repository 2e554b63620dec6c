public import Dialects
public import Inventory

/// What a guest asks, without a trace of the connection that carried it.
public struct GuestRequest: Sendable {
  /// What its head says.
  public let question: Question
  /// The network that the connection's socket serves; nil where it serves whatever is routed to
  /// it. It comes from the listener, never from anything that the guest sent.
  public var network: NetworkID?
  /// The connection's source address.
  public var source: IPAddress
  /// The connection's own address, which the guest's packets arrived at; nil where there is none.
  public var local: IPAddress?
  /// Whom the connection's earlier requests were answered as; nil for its first.
  public var caller: InstanceID?
  public var link: LinkFacts
  public var body: [UInt8]

  public init(
    _ question: Question, network: NetworkID?, source: IPAddress, local: IPAddress? = nil,
    caller: InstanceID? = nil, link: LinkFacts = LinkFacts(), body: [UInt8] = []
  ) {
    self.question = question
    self.network = network
    self.source = source
    self.local = local
    self.caller = caller
    self.link = link
    self.body = body
  }

  public var method: Question.Method { question.method }
  public var target: [UInt8] { question.target }
  public var fields: RequestFields { question.fields }

  /// Where it came from: two networks may have the same address.
  var origin: Strangers.Source { Strangers.Source(address: source, network: network) }
}

/// What the guest gets back.
public struct GuestAnswer: Sendable {
  /// An HTTP status code.
  public var status: Int
  public var contentType: Document.ContentType
  public var body: [UInt8]
  /// What an instance asked in; nil for who is none, or asks for what no dialect has.
  public var dialect: DialectName?
  /// Who asked, where that is known.
  public var instance: InstanceID?
  private var rest: Rest?

  /// What few answers have: all others are handed on without it.
  private final class Rest: Sendable {
    let refusal: Refusal?
    let entityTag: String?
    let token: TokenGrant?

    init(refusal: Refusal? = nil, entityTag: String? = nil, token: TokenGrant? = nil) {
      self.refusal = refusal
      self.entityTag = entityTag
      self.token = token
    }
  }

  public init(
    status: Int = 200, contentType: Document.ContentType, body: [UInt8], instance: InstanceID?
  ) {
    self.status = status
    self.contentType = contentType
    self.body = body
    self.instance = instance
  }

  init(_ document: Document, instance: InstanceID) {
    self.init(contentType: document.contentType, body: document.bytes, instance: instance)
  }

  /// The answer that tells a guest of a refusal: short, plain text, nothing of what we know.
  public init(refusal: Refusal, instance: InstanceID? = nil) {
    self.init(
      status: refusal.status, contentType: .plainText, body: Array(refusal.guestText.utf8),
      instance: instance)
    rest = Rest(refusal: refusal)
  }

  /// A session token.
  init(token text: [UInt8], _ grant: TokenGrant, instance: InstanceID) {
    self.init(contentType: .plainText, body: text, instance: instance)
    rest = Rest(token: grant)
  }

  /// Why there is no document. It goes into logs and counters, not onto the wire.
  public var refusal: Refusal? { rest?.refusal }

  /// The methods that the path takes, for a 405's Allow.
  public var allow: String? {
    if case .methodNotAllowed(let methods) = refusal { methods } else { nil }
  }

  /// For a Retry-After.
  public var retryAfterSeconds: Int? { refusal?.retryAfterSeconds }

  /// What stands for the document, for a guest that wants to hear when it is another.
  public var entityTag: String? {
    get { rest?.entityTag }
    set { rest = Rest(refusal: refusal, entityTag: newValue, token: token) }
  }

  /// What goes with a session token, where the body is one.
  public var token: TokenGrant? { rest?.token }
}

/// What goes with a session token.
public struct TokenGrant: Sendable, Hashable {
  public var ttlSeconds: Int
  /// The field that tells the time to live.
  public var field: TokenTTLField
  /// How many hops the packets that carry the token may make: their IP TTL.
  public var hopLimit: Int

  /// What an IP packet can say.
  static let maximumHopLimit = 255

  public init(ttlSeconds: Int, field: TokenTTLField, hopLimit: Int) {
    self.ttlSeconds = ttlSeconds
    self.field = field
    self.hopLimit = hopLimit
  }
}
