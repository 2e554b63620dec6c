/// Real public keys, whose private halves nobody has.
enum ExampleKeys {
  static let ed25519 =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHy8Lcbt7ecFIKL2hr1Zif6XGGsXA+UaZrICuutiJpxx test key"
  static let ecdsa256 = """
    ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEjX4R752+JAHFh9N6fd6n8s\
    VqNOOVZQg8v3bn5dkQDfUUiXEL4w/MkS3L5tGS3xdKTHYh5r7SPcwgy7PPbzw4c= test key
    """
  static let ecdsa384 = """
    ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBKdO8F+jiEcKnVIErVEUDHz/\
    ZoNFqwgMzza5845d8q04WHk0ZyzXKtgo2GpK3/04wRd7kx5JOjAzl/a5B8DApi17MPwYTeL1aOLGs96LGlYxI+IbQcTCr0U8\
    6nn1jBRUBg== test key
    """
  static let ecdsa521 = """
    ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAE59inBMFM2aEIyApguVfNB\
    v6BsdRNWQA/qgagpZU8Qa9aiD5trEvlJKxf1EA1s/jaCJ9apX8ofHGCalNSJPos41QAU5Mq+SNcJ+gzoebSHDZYbGzgylx3l\
    MakKAziQALdDzqu51G4ENxkXHC+aLeUV8nflfYdGCUwFQt1sgfYAL1lfKA== test key
    """
  static let rsa = """
    ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDBbgfqVXITx75As5uluvlS2CUgkrlBHceKLYLJj0yWoAME0I352eIREfpd\
    rw4dSh/G8WioU46yj0Qzrr88JfppTX+++5ux+baT6xB1J7Igg4YvLFmJ2UOzB3g/LhSvKkfEKwmCqNB0p3mNAjME3kLmHHk2\
    5+dbJ7NwgTrHibt0AfuwOMH41bYsFa6cSy5e1PoM8+exL20oQT28+hC+j5P5AG8ydHaqeGGPhFT1YOUai+jIteiFVySqFzr0\
    3Ee5QaYoJ1mssR5VXMJwJa5ZxOk7rKh124AhdJ/cd+wqyU4CcHEi6mtDfefLAA6gUKeQaZ/Tue5W6yNVmHP2QpZai+vV test
    """

  static let all = [ed25519, ecdsa256, ecdsa384, ecdsa521, rsa]
}
