from cifar_tui.files import replacing, sync_folder, write_text

__all__ = ["replacing", "sync_folder", "write_text"]
