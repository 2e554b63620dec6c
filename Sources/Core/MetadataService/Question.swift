import Inventory

/// What a request's head says, and all that follows from that alone.
///
/// Who asks does not: it comes from the connection. So who says the same asks the same question, and the
/// guests of one image ask the same few dozen. An object, which is handed on as one reference.
public final class Question: Sendable {
  public let method: Method
  /// The request line's target as it came: a path or an absolute URI, not decoded.
  public let target: [UInt8]
  public let fields: RequestFields
  /// Where the target leads; nil where it cannot be read.
  let destination: Destination?
  /// Whom it is addressed to; nil where it does not say.
  let host: RequestHost?

  public enum Method: Sendable, Hashable {
    case get
    case head
    case post
    case put
    /// Any other token; none is answered with a document.
    case other
  }

  /// - Parameter destination: Where the target leads.
  public init(
    method: Method, target: [UInt8], fields: RequestFields = RequestFields(),
    destination: Destination?
  ) {
    self.method = method
    self.target = target
    self.fields = fields
    self.destination = destination
    host = RequestHost(target: target, field: fields.host)
  }

  public convenience init(
    method: Method, target: [UInt8], fields: RequestFields = RequestFields()
  ) {
    self.init(
      method: method, target: target, fields: fields, destination: try? Destination(target))
  }
}
