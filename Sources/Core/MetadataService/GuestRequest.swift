public import Dialects
public import Inventory

/// What a guest asks, without a trace of the connection that carried it.
public struct GuestRequest: Sendable {
  /// What its head says.
  public let question: Question
  /// The network that the connection's socket serves; nil where it serves whatever is routed to
  /// it. It comes from the listener, never from anything that the guest sent.
  public let network: NetworkID?
  /// The connection's source address.
  public let source: IPAddress
  /// The connection's own address, which the guest's packets arrived at; nil where there is none.
  public let local: IPAddress?
  /// Whom the connection's earlier requests were answered as; nil for its first.
  public var caller: InstanceID?
  public let link: LinkFacts
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
///
/// An object that never changes, since it is handed on many times.
public final class GuestAnswer: Sendable {
  /// An HTTP status code.
  public let status: Int
  public let contentType: Document.ContentType
  public let body: [UInt8]
  /// What an instance asked in; nil for who is none, or asks for what no dialect has.
  public let dialect: DialectName?
  /// Who asked, where that is known.
  public let instance: InstanceID?
  /// Why there is no document. It goes into logs and counters, not onto the wire.
  public let refusal: Refusal?
  /// What stands for the document, for a guest that wants to hear when it is another.
  public let entityTag: String?
  /// What goes with a session token, where the body is one.
  public let token: TokenGrant?

  public init(
    status: Int = 200, contentType: Document.ContentType, body: [UInt8], instance: InstanceID?,
    dialect: DialectName? = nil, refusal: Refusal? = nil, entityTag: String? = nil,
    token: TokenGrant? = nil
  ) {
    self.status = status
    self.contentType = contentType
    self.body = body
    self.instance = instance
    self.dialect = dialect
    self.refusal = refusal
    self.entityTag = entityTag
    self.token = token
  }

  /// The answer that tells a guest of a refusal: short, plain text, nothing of what we know.
  public convenience init(
    refusal: Refusal, instance: InstanceID? = nil, dialect: DialectName? = nil
  ) {
    self.init(
      status: refusal.status, contentType: .plainText, body: Array(refusal.guestText.utf8),
      instance: instance, dialect: dialect, refusal: refusal)
  }

  /// Another answer with another body.
  convenience init(_ other: GuestAnswer, body: [UInt8]) {
    self.init(
      status: other.status, contentType: other.contentType, body: body, instance: other.instance,
      dialect: other.dialect, refusal: other.refusal, entityTag: other.entityTag,
      token: other.token)
  }

  /// Another answer that counts for a dialect.
  convenience init(_ other: GuestAnswer, dialect: DialectName?) {
    self.init(
      status: other.status, contentType: other.contentType, body: other.body,
      instance: other.instance, dialect: dialect, refusal: other.refusal,
      entityTag: other.entityTag, token: other.token)
  }

  /// The methods that the path takes, for a 405's Allow.
  public var allow: String? {
    if case .methodNotAllowed(let methods) = refusal { methods } else { nil }
  }

  /// For a Retry-After.
  public var retryAfterSeconds: Int? { refusal?.retryAfterSeconds }
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
