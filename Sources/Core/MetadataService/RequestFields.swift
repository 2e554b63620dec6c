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
  /// Whether a proxy says that it forwards the request for somebody else (X-Forwarded-For).
  public var isForwarded = false

  public init() {}
}
