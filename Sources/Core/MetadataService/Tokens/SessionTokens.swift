import Crypto
public import Inventory
import Synchronization

/// Seals session tokens and judges those that guests show, and keeps the keys for it.
public final class SessionTokens: Sendable {
  /// What was found out about the token that a request shows.
  enum Verdict: Sendable, Hashable {
    case valid
    case invalid(TokenFault)
  }

  private struct State {
    var keys: [UInt64: SymmetricKey] = [:]
    var sealing: UInt64?
    var verified = VerifiedTokens()
    /// When the store was read last.
    var readAtSeconds: Int?
  }

  private let store: any TokenKeyStore
  private let environment: MetadataService.Environment
  private let state = Mutex(State())

  init(store: any TokenKeyStore, environment: MetadataService.Environment) {
    self.store = store
    self.environment = environment
  }

  // MARK: Tokens

  /// A new token's text; nil where there is no key yet.
  func issue(to holder: TokenHolder, seconds: Int, now: Int) -> [UInt8]? {
    let sealing = state.withLock { state in
      state.sealing.flatMap { id in state.keys[id].map { (id: id, key: $0) } }
    }
    guard let sealing else { return nil }
    let token = SessionToken(
      keyID: sealing.id, issuedAtSeconds: now, expiresAtSeconds: now + seconds)
    return token.sealed(
      with: sealing.key, for: holder, nonce: environment.randomBytes(SessionToken.nonceBytes))
  }

  /// Judges a token by its text, in the name of whoever shows it.
  func verdict(on text: [UInt8], of holder: TokenHolder, now: Int) -> Verdict {
    if let token = state.withLock({ $0.verified.token(text, of: holder) }) {
      return SessionTokens.verdict(on: token, now: now)
    }
    guard let sealed = SessionToken.Sealed(text) else { return .invalid(.malformed) }
    guard let key = state.withLock({ $0.keys[sealed.keyID] }) else { return .invalid(.unknownKey) }
    guard let token = sealed.opened(with: key, for: holder) else { return .invalid(.notOpened) }
    let verdict = SessionTokens.verdict(on: token, now: now)
    if verdict == .valid {
      state.withLock { state in
        // The key may have gone meanwhile.
        if state.keys[token.keyID] != nil { state.verified.keep(text, of: holder, token) }
      }
    }
    return verdict
  }

  private static func verdict(on token: SessionToken, now: Int) -> Verdict {
    guard now < token.expiresAtSeconds else { return .invalid(.expired) }
    guard token.issuedAtSeconds <= now + TokenKeyPlan.clockToleranceSeconds else {
      return .invalid(.fromFuture)
    }
    return .valid
  }

  // MARK: Keys

  /// Whether an unknown key is worth a look into the store. Only the first who asks is told so for
  /// a while: whoever makes keys up must not make the store busy.
  func mayRead(now: Int) -> Bool {
    state.withLock { state in
      if let last = state.readAtSeconds, abs(now - last) < SessionTokens.pauseSeconds {
        return false
      }
      state.readAtSeconds = now
      return true
    }
  }

  private static let pauseSeconds = 5

  /// Reads the keys, makes one where none is there or a new one is due, and drops those that no
  /// valid token can be sealed with.
  /// - Parameter failed: Is told where keys could not be changed. That can wait while there is one.
  /// - Throws: Where the keys cannot be read, or there is none and none can be written.
  public func load(failed: (StoreError) -> Void) async throws(StoreError) {
    let keys = try await read()
    let plan = TokenKeyPlan(keys, now: environment.now())
    guard plan.isNewKeyDue || !plan.expired.isEmpty else { return }
    do {
      try await store.changeTokenKeys(
        adding: plan.isNewKeyDue ? makeKey(unlike: keys) : nil, dropping: plan.expired.map(\.id))
    } catch {
      guard !keys.isEmpty else { throw error }
      return failed(error)
    }
    _ = try await read()
  }

  /// Reads the keys, and changes none.
  func reread() async {
    // Where the store cannot be read, the token is refused as one of an unknown key.
    _ = try? await read()
  }

  /// Keeps the keys in step with the store and the clock until the task is cancelled.
  /// - Parameter failed: Is told where the store could not be read or written; it is tried again.
  public func run(failed: (StoreError) -> Void) async {
    while !Task.isCancelled {
      try? await environment.sleep(.seconds(TokenKeyPlan.readSeconds))
      guard !Task.isCancelled else { return }
      do {
        try await load(failed: failed)
      } catch {
        failed(error)
      }
    }
  }

  private func read() async throws(StoreError) -> [TokenKey] {
    let keys = try await store.tokenKeys()
    let now = environment.now()
    let sealing = TokenKeyPlan(keys, now: now).sealing?.id
    state.withLock { state in
      state.readAtSeconds = now
      let ids = Set(keys.map(\.id))
      if !state.keys.keys.allSatisfy(ids.contains) { state.verified.removeAll() }
      state.keys = Dictionary(
        keys.map { ($0.id, SymmetricKey(data: $0.secret.revealed)) }, uniquingKeysWith: { $1 })
      state.sealing = sealing
    }
    return keys
  }

  /// Nil in the rare case that the id is taken; the next round has another.
  private func makeKey(unlike keys: [TokenKey]) -> TokenKey? {
    let id = environment.randomBytes(TokenKey.idBits / 8).bigEndianNumber
    guard !keys.contains(where: { $0.id == id }) else { return nil }
    return TokenKey(
      id: id, secret: Secret(environment.randomBytes(TokenKey.secretBytes)),
      createdAtSeconds: environment.now())
  }
}

/// What is wrong with a token, for the log; guests are not told.
public enum TokenFault: String, Sendable, Hashable, CaseIterable {
  case malformed = "it has not a token's form"
  case unknownKey = "it was sealed with a key that is not known here, or no longer"
  case notOpened = "it is another guest's or another address', or it was changed"
  case expired = "it has expired"
  case fromFuture = "it was issued in the future; a clock was wrong"
}
