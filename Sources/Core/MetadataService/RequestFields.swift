/// The fields of a request's head that an answer may depend on. They are what the guest's programs
/// say, so none of them takes part in who the guest is.
public struct RequestFields: Sendable, Hashable {
  /// The Host field's value with its port, such as `169.254.169.254:80`; nil where there is none,
  /// as HTTP/1.0 allows.
  public var host: [UInt8]?
  /// The session token that was shown (X-aws-ec2-metadata-token or X-Metadata-Token); empty where
  /// it is longer than any token.
  public var sessionToken: [UInt8]?
  /// For how long a token is asked for, as it came (X-aws-ec2-metadata-token-ttl-seconds or
  /// X-Metadata-Token-TTL-Seconds); empty where it is longer than any number of seconds.
  public var tokenTTL: [UInt8]?
  /// Which of the two names the time to live came by.
  public var tokenTTLField = TokenTTLField.aws
  /// Whether a proxy says that it forwards the request for somebody else (X-Forwarded-For).
  public var isForwarded = false

  public init() {}
}

/// The field that a token's time to live is asked for with, and told with.
public enum TokenTTLField: Sendable, Hashable, CaseIterable {
  case aws
  case plain

  /// As AWS writes its own.
  public var name: String {
    switch self {
    case .aws: "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
    case .plain: "X-Metadata-Token-Ttl-Seconds"
    }
  }
}
